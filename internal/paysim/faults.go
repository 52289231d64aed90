package paysim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is a way to fail.
type Kind string

// The kinds. doc.go tells at which step of a call each of them strikes.
const (
	KindError500      Kind = "error_500"      // no effect; the answer is remembered under the key
	KindRateLimit     Kind = "rate_limit"     // 429 with Retry-After; no effect, nothing remembered
	KindDecline       Kind = "decline"        // of a confirm, whatever the card
	KindReset         Kind = "reset"          // the connection is cut; no effect
	KindTimeoutBefore Kind = "timeout_before" // no answer and no effect
	KindTimeoutAfter  Kind = "timeout_after"  // no answer, but the effect
	KindLatency       Kind = "latency"        // the endpoint takes its time
	KindPending       Kind = "pending"        // of a refund, which is decided over /_control
)

// OpAny is the op of a rule for all operations.
const OpAny Op = "*"

// Limits of what a rule may ask for.
const (
	maxLatency    = 10 * time.Minute
	maxRetryAfter = 3600
)

// Plan is the body of PUT /_control/faults.
type Plan struct {
	// Seed starts the random source that rates are drawn from: the same seed,
	// rules and calls in the same order bring the same faults.
	Seed  uint64 `json:"seed"`
	Rules []Rule `json:"rules"`
}

// Rule makes calls of one operation fail. Rules are asked in their order; the
// latency of all that fire adds up, else the first that fires decides.
type Rule struct {
	Op   Op   `json:"op"`
	Kind Kind `json:"kind"`
	// Rate is the share of calls that fail, from 0 to 1; absent: all.
	Rate *float64 `json:"rate,omitempty"`
	// LatencyMS belongs to latency, RetryAfterS (absent: 1) to rate_limit.
	LatencyMS   *int64 `json:"latency_ms,omitempty"`
	RetryAfterS *int64 `json:"retry_after_s,omitempty"`
	// Times is after how many faults the rule is spent; absent: never.
	Times *int64 `json:"times,omitempty"`
}

// Validate returns what is wrong with the first bad rule.
func (p Plan) Validate() error {
	for i, r := range p.Rules {
		if err := r.validate(); err != nil {
			return fmt.Errorf("rules[%d].%w", i, err)
		}
	}
	return nil
}

func (r Rule) validate() error {
	ops := []Op{OpAny, OpCreate, OpConfirm, OpCapture, OpCancel, OpRefund, OpRetrieve}
	kinds := []Kind{
		KindError500, KindRateLimit, KindDecline, KindReset, KindTimeoutBefore, KindTimeoutAfter, KindLatency, KindPending,
	}
	switch {
	case !slices.Contains(ops, r.Op):
		return fmt.Errorf("op: %q is none of %v", r.Op, ops)
	case !slices.Contains(kinds, r.Kind):
		return fmt.Errorf("kind: %q is none of %v", r.Kind, kinds)
	case r.Kind == KindDecline && r.Op != OpConfirm && r.Op != OpAny:
		return fmt.Errorf("op: only a confirm can be declined, not %s", r.Op)
	case r.Kind == KindPending && r.Op != OpRefund && r.Op != OpAny:
		return fmt.Errorf("op: only a refund can be pending, not %s", r.Op)
	case r.Rate != nil && !(*r.Rate >= 0 && *r.Rate <= 1):
		return fmt.Errorf("rate: %v is not from 0 to 1", *r.Rate)
	case r.Times != nil && *r.Times < 1:
		return fmt.Errorf("times: %d is less than 1", *r.Times)
	}
	return r.validateOptions()
}

// validateOptions checks what belongs to one kind only.
func (r Rule) validateOptions() error {
	switch {
	case r.Kind == KindLatency && r.LatencyMS == nil:
		return fmt.Errorf("latency_ms: missing")
	case r.Kind != KindLatency && r.LatencyMS != nil:
		return fmt.Errorf("latency_ms: belongs to kind latency only")
	case r.LatencyMS != nil && (*r.LatencyMS < 1 || *r.LatencyMS > maxLatency.Milliseconds()):
		return fmt.Errorf("latency_ms: %d is not from 1 to %d", *r.LatencyMS, maxLatency.Milliseconds())
	case r.Kind != KindRateLimit && r.RetryAfterS != nil:
		return fmt.Errorf("retry_after_s: belongs to kind rate_limit only")
	case r.RetryAfterS != nil && (*r.RetryAfterS < 0 || *r.RetryAfterS > maxRetryAfter):
		return fmt.Errorf("retry_after_s: %d is not from 0 to %d", *r.RetryAfterS, maxRetryAfter)
	}
	return nil
}

// stage is where in a call faults are drawn.
type stage int

const (
	stageNetwork stage = iota
	stageEndpoint
)

func (k Kind) stage() stage {
	switch k {
	case KindError500, KindDecline, KindLatency, KindPending:
		return stageEndpoint
	default:
		return stageNetwork
	}
}

func (r Rule) applies(op Op, at stage) bool {
	if r.Kind.stage() != at || (r.Op != OpAny && r.Op != op) {
		return false
	}
	return (r.Kind != KindDecline || op == OpConfirm) && (r.Kind != KindPending || op == OpRefund)
}

// faults is a plan at work.
type faults struct {
	rules []Rule
	left  []int64 // per rule, negative: without end
	rng   *rand.Rand
}

func newFaults(p Plan) faults {
	f := faults{rules: p.Rules, left: make([]int64, len(p.Rules)), rng: rand.New(rand.NewPCG(p.Seed, 0))}
	for i, r := range p.Rules {
		f.left[i] = -1
		if r.Times != nil {
			f.left[i] = *r.Times
		}
	}
	return f
}

// draw is what happens to one call at one stage. An empty kind is no fault.
type draw struct {
	kind       Kind
	latency    time.Duration
	retryAfter int64
}

func (w *world) drawNetwork(op Op) draw {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.draw(op, stageNetwork)
}

// draw asks the rules. The world is locked.
func (w *world) draw(op Op, at stage) draw {
	d := draw{retryAfter: 1}
	for i, r := range w.faults.rules {
		if d.kind != "" && r.Kind != KindLatency || !r.applies(op, at) || !w.faults.fires(i) {
			continue
		}
		w.fired[r.Kind]++
		if r.Kind == KindLatency {
			d.latency += time.Duration(*r.LatencyMS) * time.Millisecond
			continue
		}
		d.kind = r.Kind
		if r.RetryAfterS != nil {
			d.retryAfter = *r.RetryAfterS
		}
	}
	return d
}

func (f *faults) fires(i int) bool {
	if f.left[i] == 0 {
		return false
	}
	if r := f.rules[i].Rate; r != nil && f.rng.Float64() >= *r {
		return false
	}
	if f.left[i] > 0 {
		f.left[i]--
	}
	return true
}
