package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/repair"
	"github.com/hailstone-rides/hailstone/internal/sweeper"
)

// What template.yaml sets for the rebuild function.
const (
	rebuildTimeout     = 2 * time.Minute
	rebuildVisibility  = 12 * time.Minute
	rebuildConcurrency = 3
	// rebuildSegments of a walk; pagesOfWalk are short, so that streams go over their
	// ends.
	rebuildSegments = 2
	pageOfWalk      = 5
	// rebuildMargin is kept for the page that a worker is at.
	rebuildMargin = 15 * time.Second
	// clocksDiffer by so much at most: those of sweepers count here, which in the
	// product are taken to differ by little.
	clocksDiffer = 10 * time.Minute
)

// cutShort is a slice of a walk that has hardly any time.
const cutShort fault = "cut short"

func rebuildPart() part {
	return part{faults: odds{cutShort: 0.5}, canaries: []Canary{checkpointInside, auditMendsNothing}, wire: func(w *World) error {
		w.rebuilds = &rebuilds{World: w, environs: w.environments("rebuild", 2), next: map[int]events.Cursor{}, asked: map[string]int{}, replaced: map[string]int{}}
		w.rebuilds.poller = w.sched.newTask("rebuild poller", nil)
		w.sched.start(w.rebuilds.poller, w.rebuilds.poll)
		w.waiting = append(w.waiting, func() bool { return len(w.rebuilds.messages) > 0 || !w.state().Over() })
		operator := w.sched.newTask("operator of rebuilds", nil)
		w.sched.start(operator, w.rebuilds.operate)
		return nil
	}}
}

// rebuilds is the rebuild function, its queue, and what is known of walks.
type rebuilds struct {
	*World
	environs []*environment
	messages []*message
	busy     int
	poller   *task
	next     map[int]events.Cursor // where each segment's last walk would read on
	asked    map[string]int        // how many streams there were when a run began
	replaced map[string]int        // how many views a run has replaced
	checked  string                // the last run that was a check
}

// operate is what an operator does: a rebuild now and then, which is aborted at times,
// or held for a while.
func (r *rebuilds) operate(t *task) {
	for range 2 {
		r.sched.park(t, time.Now().Add(time.Duration(1+r.src.pick("rebuild after", 240))*time.Minute))
		hold := r.src.pick("rebuild holds", 4) == 1
		err := rebuild.Start(r.ctx, r.documents, time.Now().UTC(), rebuild.Plan{Segments: rebuildSegments}, hold)
		r.tell("", "an operator starts a rebuild: %v", err)
		if r.src.pick("rebuild is aborted", 4) == 1 {
			r.sched.park(t, time.Now().Add(time.Duration(1+r.src.pick("abort after", 90))*time.Minute))
			err := rebuild.Abort(r.ctx, r.documents, time.Now().UTC())
			r.tell("", "an operator aborts the rebuild: %v", err)
		}
	}
}

// attend is what operators do when it is quiet: what holds is let go, what is refused
// is given up.
func (r *rebuilds) attend() {
	switch s := r.state(); {
	case s.Rebuild == nil:
	case s.Rebuild.Phase == rebuild.Held:
		_ = rebuild.Switch(r.ctx, r.documents)
	case s.Rebuild.Phase == rebuild.Refused:
		_ = rebuild.Abort(r.ctx, r.documents, time.Now().UTC())
	}
}

// director is the sweeper's pass that advances rebuilds.
func (w *World) director(env *environment) *rebuild.Director {
	return &rebuild.Director{Control: documentStore{w}, Tasks: w.rebuilds, Now: env.now, Wait: rebuild.Wait + clocksDiffer}
}

// directorPass is the director as the sweeper has it, with a bug if there is to be one.
func (w *World) directorPass(env *environment) sweeper.Pass {
	if w.canary == heldStopsAudits {
		return restingDirector{w.director(env), w}
	}
	return w.director(env)
}

// SendBodies implements rebuild.Queue.
func (r *rebuilds) SendBodies(ctx context.Context, bodies [][]byte) ([]int, error) {
	t := taskOf(ctx)
	r.travel(t)
	fate := r.fate("send to rebuild", lostBefore, lostAfter)
	if fate == lostBefore || ctx.Err() != nil {
		return nil, fmt.Errorf("send: %w", errInjected)
	}
	for _, body := range bodies {
		r.put(body)
		if r.strikes(duplicated, "rebuild") {
			r.put(body)
		}
	}
	r.travel(t)
	if fate == lostAfter {
		return nil, fmt.Errorf("send: %w", errInjected)
	}
	return nil, nil
}

func (r *rebuilds) put(body []byte) {
	r.oracle.keepsSecret("a message", body)
	m := &message{visibleAt: time.Now()}
	m.Body = body
	r.messages = append(r.messages, m)
	r.wake(r.poller)
}

// poll hands messages over, one at a time, for as long as the world lasts.
func (r *rebuilds) poll(t *task) {
	for {
		next := never
		for _, m := range slices.Clone(r.messages) {
			switch now := time.Now(); {
			case m.visibleAt.After(now):
				if m.visibleAt.Before(next) {
					next = m.visibleAt
				}
			case r.busy < rebuildConcurrency:
				m.visibleAt = now.Add(rebuildVisibility)
				if !r.strikes(overpulled, "rebuild") {
					r.run(m)
				}
			}
		}
		r.sched.park(t, next)
	}
}

// run invokes the function with a message. The message comes again shortly after the
// invocation's time, unless it is done or wants to come at once.
func (r *rebuilds) run(m *message) {
	r.busy++
	env := r.environs[r.src.pick("environment of rebuild", len(r.environs))]
	var done, again bool
	r.invoke(env, rebuildTimeout, func(ctx context.Context, inv *invocation) {
		m.visibleAt = inv.deadline.Add(30 * time.Second)
		task, err := rebuild.ParseTask(m.Body)
		if err != nil {
			r.fail("tasks are well-formed", "", "%s: %v", m.Body, err)
			return
		}
		finished, err := r.worker(env).Work(ctx, task, r.until(env))
		switch {
		case inv.dead:
		case errors.Is(err, rebuild.ErrLost):
			r.reach(workerWasFenced)
		case err == nil:
			done, again = finished, !finished
		}
	}, func(alive bool) {
		r.busy--
		switch {
		case alive && done && !r.strikes(undeleted, "rebuild"):
			r.messages = slices.DeleteFunc(r.messages, func(other *message) bool { return other == m })
		case alive && (done || again):
			r.reach(sliceGoesOn)
			m.visibleAt = time.Now()
		}
		r.wake(r.poller)
	})
}

// until is when a slice ends, by the clock of its environment.
func (r *rebuilds) until(env *environment) time.Time {
	if r.strikes(cutShort, "rebuild") {
		return env.now().Add(time.Duration(r.src.pick("cut short", 10)) * 100 * time.Millisecond)
	}
	return env.now().Add(rebuildTimeout - rebuildMargin)
}

func (r *rebuilds) worker(env *environment) *rebuild.Worker {
	return &rebuild.Worker{
		Log: r.workersLog(), Catalog: catalog{r.World}, Control: documentStore{r.World},
		In:   func(n int) readmodel.Ledger { return viewStore{r.World, r.projected(n), n} },
		Owed: repair.Debts{Work: workStore{r.deferred}, Now: env.now}.Look,
		Now:  env.now, Sleep: r.sched.sleep, Page: pageOfWalk,
	}
}

// canaryPut changes a document that is about to be written, if a canary wants it.
func (r *rebuilds) canaryPut(id string, d control.Document) control.Document {
	if r.canary == mendedThenNoted && strings.HasPrefix(id, "projection/") {
		return withoutNotes(d)
	}
	if r.canary != checkpointInside || !strings.HasPrefix(id, "projection/") {
		return d
	}
	p, ok := decoded[rebuild.Progress](d)
	if !ok || p.After == (events.Cursor{}) {
		return d
	}
	var segment int
	if _, err := fmt.Sscanf(id, "projection/segment-%d", &segment); err == nil && r.next[segment] != (events.Cursor{}) {
		p.After = r.next[segment]
		if body, err := json.Marshal(p, json.Deterministic(true)); err == nil {
			d.Body = body
		}
	}
	return d
}
