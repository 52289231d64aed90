package paysim

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"time"
)

// world is all that the simulator remembers. A reset replaces it.
type world struct {
	newID   func(prefix string) string
	outbox  *outbox
	holdFor time.Duration

	mu       sync.Mutex
	intents  map[string]*intent
	order    []*intent // as created
	keys     keyMemory
	faults   faults
	calls    map[Op]int
	fired    map[Kind]int
	inFlight int
	maxSeen  int
}

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func (s *Server) newWorld() *world {
	return &world{
		newID:   s.newID,
		outbox:  s.outbox,
		holdFor: s.cfg.HoldFor,
		intents: map[string]*intent{},
		keys:    keyMemory{entries: map[scopedKey]*keyEntry{}},
		calls:   map[Op]int{},
		fired:   map[Kind]int{},
	}
}

// newID makes an id of 24 characters after the prefix, as Stripe's have.
func (s *Server) newID(prefix string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := []byte(prefix)
	for range 24 {
		id = append(id, idAlphabet[s.cfg.IDs.Uint64()%uint64(len(idAlphabet))])
	}
	return string(id)
}

func (w *world) enter(op Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[op]++
	w.inFlight++
	w.maxSeen = max(w.maxSeen, w.inFlight)
}

func (w *world) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight--
}

// lock finds the object and takes it for one call. Reads take nothing.
func (w *world) lock(ref string, op Op, now time.Time) (*intent, *apiError) {
	if ref == "" {
		return nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.intents[ref]
	if !ok {
		return nil, noSuch(http.StatusNotFound, "payment_intent", ref, "intent")
	}
	p.lapse(now)
	w.note(p, now)
	if op == OpRetrieve {
		return p, nil
	}
	if p.busy {
		return nil, locked()
	}
	p.busy = true
	return p, nil
}

func (w *world) unlock(p *intent, op Op) {
	if p == nil || op == OpRetrieve {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p.busy = false
}

// begin checks the state and draws what will go wrong.
func (w *world) begin(c *call, p plan, target *intent) (draw, *apiError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.check != nil {
		if err := p.check(target); err != nil {
			return draw{}, err
		}
	}
	d := w.draw(c.op, stageEndpoint)
	if d.kind != "" {
		c.fault = d.kind
	} else if d.latency > 0 && c.fault == "" {
		c.fault = KindLatency
	}
	if p.start != nil && d.latency > 0 {
		p.start(target)
	}
	return d, nil
}

// giveUp undoes begin when the server stops before the effect.
func (w *world) giveUp(target *intent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if target != nil {
		target.stopProcessing()
	}
}

// finish has the effect, unless refused is set or the draw says otherwise, and
// writes it down.
func (w *world) finish(c *call, p plan, target *intent, d draw, refused *apiError, now time.Time) answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	var object any
	err := refused
	if err == nil && d.kind == KindError500 {
		target.stopProcessing()
		err = internalError()
	}
	if err == nil {
		var made *intent
		object, made, err = p.run(w, target, execution{now: now, decline: d.kind == KindDecline, pending: d.kind == KindPending})
		if made != nil {
			target = made
		}
	}
	var a answer
	if err != nil {
		a = w.errorAnswerLocked(err)
	} else {
		a = answer{status: http.StatusOK, body: mustJSON(object), result: "ok", requestID: w.newID("req_")}
	}
	if target != nil {
		a.ref = target.id
		target.record(c.op, c.key, now, a.result)
		w.note(target, now)
	}
	return a
}

func (w *world) errorAnswer(err *apiError) answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.errorAnswerLocked(err)
}

func (w *world) errorAnswerLocked(err *apiError) answer {
	if err.intent != nil {
		err.PaymentIntent = err.intent.json(false)
	}
	return answer{
		status: err.status, header: err.header, result: err.result(), requestID: w.newID("req_"),
		body: mustJSON(map[string]*apiError{"error": err}),
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
