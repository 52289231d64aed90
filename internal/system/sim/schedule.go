package sim

import (
	"context"
	"time"
)

// schedule starts a function again and again: late at times, and never while it
// still runs.
type schedule struct {
	*World
	env     *environment
	timeout time.Duration
	work    func(context.Context, *invocation)
	busy    bool
}

// scheduled makes a function that a clock starts. It runs in one environment.
func (w *World) scheduled(function string, timeout time.Duration, work func(context.Context, *invocation)) {
	w.schedules = append(w.schedules, &schedule{World: w, env: w.environments(function, 1)[0], timeout: timeout, work: work})
}

func (s *schedule) open() {
	s.sched.start(s.sched.newTask(s.env.function+" schedule", nil), s.poll)
}

// poll starts the function for as long as the world lasts. Its pace is slower than
// that of a real schedule, and slower still in days in which nobody does anything:
// empty runs prove nothing.
func (s *schedule) poll(t *task) {
	for {
		pause := time.Minute + time.Duration(s.src.pick("pause of "+s.env.function, 20))*time.Minute
		switch {
		case s.punctual:
			pause = time.Minute
		case s.uneventful():
			pause = time.Hour
		}
		// Not at full minutes: people begin something then.
		s.sched.park(t, time.Now().Add(pause+time.Millisecond))
		if s.busy {
			continue
		}
		s.busy = true
		s.invoke(s.env, s.timeout, s.work, func(bool) { s.busy = false })
	}
}
