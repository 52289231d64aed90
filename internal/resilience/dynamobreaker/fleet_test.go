package dynamobreaker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// failure is a call that the dependency did not answer.
type failure struct{}

func (failure) Error() string           { return "no answer" }
func (failure) Class() resilience.Class { return resilience.Unknown }

var (
	errNoAnswer = failure{}
	errStore    = errors.New("store is down")
)

// clock is the wall clock of a whole fleet; it stands still until it is moved.
type clock struct{ millis atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.millis.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.millis.Add(d.Milliseconds()) }

// ledger stands between the fleet and the store: it counts, and can fail.
type ledger struct {
	dynamobreaker.Client
	clock *clock

	mu     sync.Mutex
	gets   int
	writes int
	units  float64
	second map[int64]int // writes by second of the fleet's clock
	down   bool
	hang   bool
}

func (l *ledger) trouble(ctx context.Context) error {
	if l.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if l.down {
		return errStore
	}
	return nil
}

func (l *ledger) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	l.mu.Lock()
	l.gets++
	l.mu.Unlock()
	if err := l.trouble(ctx); err != nil {
		return nil, err
	}
	return l.Client.GetItem(ctx, in, o...)
}

func (l *ledger) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	l.mu.Lock()
	l.writes++
	l.second[l.clock.now().Unix()]++
	l.mu.Unlock()
	if err := l.trouble(ctx); err != nil {
		return nil, err
	}
	in.ReturnConsumedCapacity = "TOTAL"
	out, err := l.Client.UpdateItem(ctx, in, o...)
	if err == nil && out.ConsumedCapacity != nil && out.ConsumedCapacity.CapacityUnits != nil {
		l.mu.Lock()
		l.units = max(l.units, *out.ConsumedCapacity.CapacityUnits)
		l.mu.Unlock()
	}
	return out, err
}

func (l *ledger) operations() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gets + l.writes
}

func (l *ledger) busiest() (most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.second {
		most = max(most, n)
	}
	return most
}

// ensemble is many environments on one item.
type ensemble struct {
	t     testing.TB
	clock *clock
	store *ledger
	table string
	cfg   fleet.Config
	desk  *fleet.Desk
	envs  []*fleet.Breaker
}

func rules(now func() time.Time, random func() float64) resilience.BreakerConfig {
	return resilience.BreakerConfig{
		FailureRate: 0.5, MinCalls: 10, Window: 30 * time.Second, Buckets: 30,
		OpenFor: 10 * time.Second, MaxOpenFor: 5 * time.Minute,
		Probes: 1, CloseAfter: 3, ProbeLease: 10 * time.Second,
		Now: now, Rand: random,
	}
}

func newEnsemble(t testing.TB, size int) *ensemble {
	t.Helper()
	db := dynamolocal.New(t)
	c := &clock{}
	c.millis.Store(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC).UnixMilli())
	cfg := fleet.Defaults(rules(c.now, sequence()))
	cfg.StoreTimeout = 20 * time.Second // the machine of a test may be busy
	f := &ensemble{
		t: t, clock: c, cfg: cfg, table: db.Tables.Control,
		store: &ledger{Client: db.Client, clock: c, second: map[int64]int{}},
		desk:  &fleet.Desk{Store: dynamobreaker.New(db.Client, db.Tables.Control, "payments"), Now: c.now},
	}
	for range size {
		f.envs = append(f.envs, f.env())
	}
	return f
}

// env is an environment that just started.
func (f *ensemble) env() *fleet.Breaker {
	f.t.Helper()
	b, err := fleet.New(dynamobreaker.New(f.store, f.table, "payments"), f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// sequence draws evenly from [0, 1), always in the same order (the golden ratio's
// additive recurrence), and is safe for concurrent use.
func sequence() func() float64 {
	var n atomic.Int64
	return func() float64 {
		x := float64(n.Add(1)) * 0.6180339887498949
		return x - float64(int64(x))
	}
}

func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// calls makes a call of each outcome, and wants it back untouched.
func (f *ensemble) calls(b *fleet.Breaker, outcomes ...error) {
	f.t.Helper()
	for i, outcome := range outcomes {
		if err := b.Do(f.t.Context(), returns(outcome)); !errors.Is(err, outcome) {
			f.t.Fatalf("call %d: %v, want the call's own outcome %v", i+1, err, outcome)
		}
	}
}

func (f *ensemble) refuses(b *fleet.Breaker) {
	f.t.Helper()
	called := false
	err := b.Do(f.t.Context(), func(context.Context) error { called = true; return nil })
	if !errors.Is(err, resilience.ErrOpen) || called {
		f.t.Fatalf("%v, called %v; want a refusal", err, called)
	}
}

// stored wants the item to be in a state.
func (f *ensemble) stored(want resilience.State) fleet.Status {
	f.t.Helper()
	got, err := f.desk.Status(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if got.State != want {
		f.t.Fatalf("the item is %s, want %s", got.State, want)
	}
	return got
}

// breaks lets everything fail, 10 calls a second all over the fleet, until
// somebody has opened the breaker, and returns after how many calls.
func (f *ensemble) breaks() int {
	f.t.Helper()
	for n := 1; n < 1000; n++ {
		f.calls(f.envs[n%len(f.envs)], errNoAnswer)
		if f.envs[n%len(f.envs)].Status(f.t.Context()).State == resilience.Open {
			f.stored(resilience.Open)
			return n
		}
		f.clock.advance(100 * time.Millisecond)
	}
	f.t.Fatal("1,000 failing calls, and it is not open")
	return 0
}

// rests lets the time pass for which it is open.
func (f *ensemble) rests() {
	f.t.Helper()
	f.clock.advance(f.stored(resilience.Open).Until.Sub(f.clock.now()))
}

// begun is a call that is under way until it is told how to end.
type begun struct {
	outcome chan error
	ended   chan error
}

func (f *ensemble) begin(b *fleet.Breaker) begun {
	f.t.Helper()
	c := begun{outcome: make(chan error), ended: make(chan error, 1)}
	started := make(chan struct{})
	go func() {
		c.ended <- b.Do(context.Background(), func(context.Context) error {
			close(started)
			return <-c.outcome
		})
	}()
	select {
	case <-started:
	case err := <-c.ended:
		f.t.Fatalf("the call was refused: %v", err)
	}
	return c
}

func (c begun) end(outcome error) error {
	c.outcome <- outcome
	return <-c.ended
}

func (f *ensemble) String() string {
	return fmt.Sprintf("%d environments, %d reads, %d writes", len(f.envs), f.store.gets, f.store.writes)
}
