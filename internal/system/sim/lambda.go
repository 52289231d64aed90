package sim

import (
	"context"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Faults of every input and output of a function, and of its clock.
const (
	slow   fault = "slow"   // seconds
	frozen fault = "frozen" // minutes, and then on as if nothing had been
	crash  fault = "crash"  // the environment is gone
	skewed fault = "skewed" // by up to 5 minutes
)

func lambdaPart() part {
	return part{canaries: []Canary{alarmForgotten}, faults: odds{slow: 0.05, frozen: 0.01, crash: 0.03, skewed: 0.8}}
}

// environment is where a function runs, again and again: it has a clock of its own.
type environment struct {
	name     string
	function string
	skew     time.Duration
	// behindUntil is how long it runs the older release.
	behindUntil time.Time
}

func (e *environment) now() time.Time { return time.Now().Add(e.skew) }

// environments of a function; the clocks of some are wrong, and the code of some is old.
func (w *World) environments(function string, n int) []*environment {
	made := make([]*environment, n)
	for i := range made {
		made[i] = &environment{name: function + "-" + strconv.Itoa(i+1), function: function}
		if w.strikes(skewed, function) {
			const most = 300
			skew := w.src.pick("skew", 2*most+1) // 0, -1, 1, -2, 2 and so on
			if made[i].skew = time.Duration(skew/2) * time.Second; skew%2 == 1 {
				made[i].skew = -time.Duration(skew/2+1) * time.Second
			}
		}
		w.deploy(made[i])
	}
	return made
}

// invocation is one run of a function.
type invocation struct {
	*environment
	deadline time.Time
	// dead is an invocation that goes no further: its environment crashed.
	dead bool
	// over is an invocation that has ended, one way or the other.
	over bool
	// thawed is an invocation that was frozen, and then on its way even after its
	// time was over.
	thawed bool
	// alarms are what must be logged before the invocation ends well.
	alarms []string
	// appended tells that an append is done and its answer on its way.
	appended bool
	// undecided is the stream of an append that lost a race, until it is loaded again; races
	// is how many were lost.
	undecided events.StreamID
	races     int
}

// lostRace notes that an append was refused for another write, which must be followed by a
// load: the command is decided again.
func (i *invocation) lostRace(stream events.StreamID) {
	i.undecided = stream
	i.races++
}

// loads notes that a stream is loaded.
func (i *invocation) loads(stream events.StreamID) {
	if i.undecided == stream {
		i.undecided = ""
	}
}

// mostRaces is how many races the product loses before it gives up.
const mostRaces = 6

// decidesAgain judges an invocation that came to its end: a race that it lost is no outage, and
// its caller is not told to come again while there is time to decide again.
func (w *World) decidesAgain(inv *invocation) {
	const sleeping = 2 * time.Second
	if inv.undecided == "" || inv.races >= mostRaces || time.Now().Add(sleeping).After(inv.deadline) {
		return
	}
	id, _ := booking.IDOf(inv.undecided)
	w.fail("a lost race is decided again", id, "%s gave up on %s after %d lost races", inv.function, inv.undecided, inv.races)
}

// invoke runs a function in an environment, as a task of its own. ended is told
// whether it came to its end.
func (w *World) invoke(env *environment, timeout time.Duration, fn func(context.Context, *invocation), ended func(alive bool)) {
	w.invocations++
	inv := &invocation{environment: env, deadline: time.Now().Add(timeout)}
	w.running++
	t := w.sched.newTask(env.function+"#"+strconv.Itoa(w.invocations), inv)
	w.sched.start(t, func(t *task) {
		alive := false
		defer func() {
			if w.sched.stopping {
				return
			}
			w.running--
			inv.over = true
			if !alive {
				w.reach(functionCrashed)
			}
			ended(alive)
		}()
		ctx, cancel := context.WithDeadline(withTask(w.ctx, t), inv.deadline)
		defer cancel()
		fn(ctx, inv)
		if alive = !inv.dead; alive && len(inv.alarms) > 0 {
			w.fail("what people must look at is an alarm", "", "%s ends without %v", t.name, inv.alarms)
		}
		if alive {
			w.decidesAgain(inv)
		}
	})
}

// wake lets a task that waits go on.
func (w *World) wake(t *task) { t.at = time.Now() }

// latencies are of calls that go as they should. The first is the rarest in the
// world, and the one that lets others come between the least.
var latencies = [...]time.Duration{0, time.Millisecond, 3 * time.Millisecond, 8 * time.Millisecond, 20 * time.Millisecond, 90 * time.Millisecond}

// travel is the way of a call to a dependency, or of its answer: time passes, others
// go on, and the caller's environment may not live to see the end of it.
func (w *World) travel(t *task) {
	way := latencies[w.src.pick("latency of "+t.inv.function, len(latencies))]
	switch w.fate("travel in "+t.inv.function, slow, frozen, crash) {
	case slow:
		way += time.Duration(1+w.src.pick("slow", 20)) * time.Second
		w.tell("", "%s takes %s", t.name, way)
	case frozen:
		way += time.Duration(1+w.src.pick("frozen", 15)) * time.Minute
		t.inv.thawed = true
		w.reach(frozenAndResumed)
		w.tell("", "%s is frozen for %s", t.name, way)
	case crash:
		w.tell("", "%s crashes", t.name)
		t.inv.dead = true
		if t.inv.appended {
			w.reach(crashAfterAppend)
		}
	default:
	}
	w.sched.park(t, time.Now().Add(way))
	if now := time.Now(); now.After(t.inv.deadline) && !t.inv.thawed {
		w.reach(functionTimedOut)
		w.tell("", "%s runs out of time", t.name)
		t.inv.dead = true
		w.sched.park(t, now)
	}
}
