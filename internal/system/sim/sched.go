package sim

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// task is a goroutine of the world. It runs only while the scheduler waits for it
// to park again.
type task struct {
	name string
	seq  int
	// inv is the invocation that the task is part of; nil for what is no function.
	inv  *invocation
	at   time.Time // not to be woken before
	wake chan struct{}
}

// never is later than everything.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// scheduler runs one task at a time.
type scheduler struct {
	src  *source
	seqs int

	mu       sync.Mutex // children of one batch park at the same time
	parked   []*task
	stopping bool

	ready []*task // of one step; kept for its memory
	timer *time.Timer
	// free are goroutines whose tasks are over: another task finds its stack grown.
	free []chan job
}

// job is what a goroutine is to do next.
type job struct {
	task *task
	fn   func(*task)
}

func (s *scheduler) newTask(name string, inv *invocation) *task {
	s.seqs++
	return &task{name: name, seq: s.seqs, inv: inv, wake: make(chan struct{})}
}

// start runs fn as a new task, from when the scheduler chooses it.
func (s *scheduler) start(t *task, fn func(*task)) {
	if n := len(s.free); n > 0 {
		next := s.free[n-1]
		s.free = s.free[:n-1]
		next <- job{t, fn}
		return
	}
	go s.work(job{t, fn})
}

// work carries out one job after the other, until the world ends. Only tasks that
// came to their end are followed by others: the rest end their goroutine.
func (s *scheduler) work(j job) {
	next := make(chan job)
	for {
		s.park(j.task, time.Now())
		j.fn(j.task)
		s.mu.Lock()
		s.free = append(s.free, next)
		s.mu.Unlock()
		var more bool
		if j, more = <-next; !more {
			return
		}
	}
}

// park gives way until the given time at least.
func (s *scheduler) park(t *task, at time.Time) {
	t.at = at
	s.mu.Lock()
	s.parked = append(s.parked, t)
	s.mu.Unlock()
	<-t.wake
	if s.stopping || t.inv != nil && t.inv.dead {
		runtime.Goexit() // no defer of the product can recover from it
	}
}

// sleep gives way for d. It has the form that the product's sleeps have.
func (s *scheduler) sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	end := time.Now().Add(max(0, d))
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	s.park(taskOf(ctx), end)
	return ctx.Err()
}

// run lets tasks go on until done says so, or until none of them ever would.
func (s *scheduler) run(done func() bool) {
	for {
		synctest.Wait()
		if done() {
			break
		}
		if !s.step() {
			break
		}
	}
	s.stop()
}

// step wakes one task that is ready, or lets time pass until one is. It returns
// false when all wait for ever.
func (s *scheduler) step() bool {
	now := time.Now()
	s.ready = s.ready[:0]
	next := never
	for _, t := range s.parked {
		if !t.at.After(now) {
			s.ready = append(s.ready, t)
		} else if t.at.Before(next) {
			next = t.at
		}
	}
	if len(s.ready) == 0 {
		if next.Equal(never) {
			return false
		}
		s.pass(next.Sub(now))
		return true
	}
	if len(s.ready) > 1 {
		slices.SortFunc(s.ready, func(a, b *task) int {
			if c := a.at.Compare(b.at); c != 0 {
				return c
			}
			return a.seq - b.seq
		})
	}
	s.resume(s.ready[s.src.pick("schedule", len(s.ready))])
	return true
}

// pass lets time pass.
func (s *scheduler) pass(d time.Duration) {
	if s.timer == nil {
		s.timer = time.NewTimer(d)
	} else {
		s.timer.Reset(d)
	}
	<-s.timer.C
}

func (s *scheduler) resume(t *task) {
	s.parked = slices.DeleteFunc(s.parked, func(p *task) bool { return p == t })
	s.src.mix(uint64(t.seq)) //nolint:gosec // a small number
	s.src.mixTime(time.Now())
	t.wake <- struct{}{}
}

// stop ends every task where it is.
func (s *scheduler) stop() {
	s.stopping = true
	for len(s.parked) > 0 {
		slices.SortFunc(s.parked, func(a, b *task) int { return a.seq - b.seq })
		s.resume(s.parked[0])
		synctest.Wait()
	}
	for _, next := range s.free {
		close(next)
	}
}

type taskKey struct{}

func withTask(ctx context.Context, t *task) context.Context {
	return context.WithValue(ctx, taskKey{}, t)
}

// taskOf returns the task that a call is made by.
func taskOf(ctx context.Context) *task { return ctx.Value(taskKey{}).(*task) } //nolint:forcetypeassert // a call outside of a task is a bug here
