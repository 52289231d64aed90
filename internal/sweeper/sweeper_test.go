package sweeper_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
)

// world runs passes in simulated time and keeps what they did.
type world struct {
	t      *testing.T
	began  time.Time
	passes []sweeper.Pass
	log    bytes.Buffer
	did    []string
}

// portionOf is one turn of a pass: it takes some time, and wants to go on after some
// more, or not at all.
type portionOf struct {
	takes, again time.Duration
	err          error
	panics       bool
}

// done is the again of a portion after which nothing is due.
const done = -1

type pass struct {
	*world
	name     string
	portions []portionOf
}

func (p *pass) Name() string { return p.name }

func (p *pass) Run(ctx context.Context) (time.Time, error) {
	p.did = append(p.did, p.name+" "+time.Since(p.began).String())
	now := portionOf{again: done}
	if len(p.portions) > 0 {
		now, p.portions = p.portions[0], p.portions[1:]
	}
	if err := resilience.Sleep(ctx, now.takes); err != nil {
		return time.Time{}, err
	}
	if now.panics {
		panic("out of luck")
	}
	if now.again == done {
		return time.Time{}, now.err
	}
	return time.Now().Add(now.again), now.err
}

func (w *world) has(name string, portions ...portionOf) {
	w.passes = append(w.passes, &pass{world: w, name: name, portions: portions})
}

func (w *world) run(ctx context.Context) error {
	w.began = time.Now()
	r := sweeper.Runner{
		Passes: w.passes, Now: time.Now, Sleep: resilience.Sleep,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	return r.Run(ctx)
}

func (w *world) expect(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.did); diff != "" {
		w.t.Errorf("what ran (-want +got):\n%s", diff)
	}
}

// inABubble tells a story that begins in a minute in which the first pass is first.
func inABubble(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(time.Now().Truncate(12 * time.Minute).Add(12 * time.Minute)))
		story(t, &world{t: t})
	})
}

func TestPassesRunByTurns(t *testing.T) {
	t.Parallel()
	inABubble(t, func(t *testing.T, w *world) {
		w.has("a", portionOf{again: 0}, portionOf{again: 3 * time.Second})
		w.has("b", portionOf{takes: time.Second, again: 0}, portionOf{again: 0}, portionOf{again: done})
		w.has("c")
		if err := w.run(t.Context()); err != nil {
			t.Error(err)
		}
		w.expect("a 0s", "b 0s", "c 1s", "a 1s", "b 1s", "b 1s", "a 4s")
	})
}

func TestWhoIsFirstChangesFromMinuteToMinute(t *testing.T) {
	t.Parallel()
	inABubble(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c"} {
			w.has(name)
		}
		for minute := range 4 {
			w.did = nil
			if err := w.run(t.Context()); err != nil {
				t.Error(err)
			}
			order := [][]string{{"a 0s", "b 0s", "c 0s"}, {"b 0s", "c 0s", "a 0s"}, {"c 0s", "a 0s", "b 0s"}}
			w.expect(order[minute%3]...)
			<-time.After(time.Minute)
		}
	})
}

func TestARunEndsInTimeForTheNext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		deadline time.Duration // 0 for none
		want     time.Duration
	}{
		"without a deadline": {0, 55 * time.Second},
		"a far deadline":     {10 * time.Minute, 55 * time.Second},
		"a near deadline":    {20 * time.Second, 18 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inABubble(t, func(t *testing.T, w *world) {
				ctx := t.Context()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				endless := make([]portionOf, 1000)
				for i := range endless {
					endless[i] = portionOf{takes: 4 * time.Second}
				}
				w.has("endless", endless...)
				if err := w.run(ctx); err != nil {
					t.Errorf("running out of time is no failure: %v", err)
				}
				if took := time.Since(w.began); took != test.want {
					t.Errorf("it took %s, want %s", took, test.want)
				}
			})
		})
	}
}

// Nobody pays for a wait at whose end there is no time.
func TestWhatIsDueAfterTheEndIsLeftToTheNextRun(t *testing.T) {
	t.Parallel()
	inABubble(t, func(t *testing.T, w *world) {
		w.has("patient", portionOf{again: 2 * time.Minute})
		if err := w.run(t.Context()); err != nil {
			t.Error(err)
		}
		w.expect("patient 0s")
		if took := time.Since(w.began); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}

func TestACanceledRunEnds(t *testing.T) {
	t.Parallel()
	inABubble(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		w.has("patient", portionOf{again: 20 * time.Second})
		if err := w.run(ctx); err != nil {
			t.Error(err)
		}
		w.expect("patient 0s")
		if took := time.Since(w.began); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAFailureHoldsUpNobody(t *testing.T) {
	t.Parallel()
	inABubble(t, func(t *testing.T, w *world) {
		w.has("fails", portionOf{err: errors.New("out of order"), again: 0})
		w.has("panics", portionOf{panics: true})
		w.has("hangs", portionOf{takes: time.Hour})
		w.has("works", portionOf{again: 0})
		err := w.run(t.Context())
		if !errors.Is(err, sweeper.ErrFailed) || !strings.HasSuffix(err.Error(), "fails, panics, hangs") {
			t.Errorf("error %v, want one that names the three", err)
		}
		w.expect("fails 0s", "panics 0s", "hangs 0s", "works 15s", "works 15s")
		for _, line := range []string{`pass=fails error="out of order"`, `pass=panics error="panic: out of luck`, `pass=hangs error="context deadline exceeded"`} {
			if !strings.Contains(w.log.String(), line) {
				t.Errorf("the log lacks %s:\n%s", line, w.log.String())
			}
		}
	})
}

func TestWithoutPassesThereIsNothingToDo(t *testing.T) {
	t.Parallel()
	inABubble(t, func(t *testing.T, w *world) {
		if err := w.run(t.Context()); err != nil || time.Since(w.began) != 0 {
			t.Errorf("%v after %s", err, time.Since(w.began))
		}
	})
}
