package sim

import (
	"context"
	"strconv"
	"time"
)

// environment is where a function runs, again and again: it has a clock of its own.
type environment struct {
	name string
	skew time.Duration
}

func (e *environment) now() time.Time { return time.Now().Add(e.skew) }

// environments of a function; the clocks of some are wrong.
func (w *World) environments(function string, n int) []*environment {
	made := make([]*environment, n)
	for i := range made {
		made[i] = &environment{name: function + "-" + strconv.Itoa(i+1)}
		if w.strikes(skewed, function) {
			const most = 300
			made[i].skew = time.Duration(w.src.pick("skew", 2*most+1)-most) * time.Second
		}
	}
	return made
}

// invocation is one run of a function.
type invocation struct {
	function string
	deadline time.Time
	// dead is an invocation that goes no further: its environment crashed.
	dead bool
	// thawed is an invocation that was frozen, and then on its way even after its
	// time was over.
	thawed bool
	// appended tells that an append is done and its answer on its way.
	appended bool
}

// invoke runs a function as a task of its own. ended is told whether it came to its
// end.
func (w *World) invoke(function string, timeout time.Duration, fn func(context.Context, *invocation), ended func(alive bool)) {
	w.invocations++
	inv := &invocation{function: function, deadline: time.Now().Add(timeout)}
	w.running++
	t := w.sched.newTask(function+"#"+strconv.Itoa(w.invocations), inv)
	w.sched.start(t, func(t *task) {
		alive := false
		defer func() {
			if w.sched.stopping {
				return
			}
			w.running--
			if !alive {
				w.reach(functionCrashed)
			}
			ended(alive)
		}()
		ctx, cancel := context.WithDeadline(withTask(w.ctx, t), inv.deadline)
		defer cancel()
		fn(ctx, inv)
		alive = !inv.dead
	})
}

// wake lets a task that waits go on.
func (w *World) wake(t *task) { t.at = time.Now() }
