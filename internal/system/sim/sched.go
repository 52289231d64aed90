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
}

func (s *scheduler) newTask(name string, inv *invocation) *task {
	s.seqs++
	return &task{name: name, seq: s.seqs, inv: inv, wake: make(chan struct{})}
}

// start runs fn as a new task, from when the scheduler chooses it.
func (s *scheduler) start(t *task, fn func(*task)) {
	go func() {
		s.park(t, time.Now())
		fn(t)
	}()
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
	var ready []*task
	next := never
	for _, t := range s.parked {
		if !t.at.After(now) {
			ready = append(ready, t)
		} else if t.at.Before(next) {
			next = t.at
		}
	}
	if len(ready) == 0 {
		if next.Equal(never) {
			return false
		}
		<-time.After(next.Sub(now))
		return true
	}
	slices.SortFunc(ready, func(a, b *task) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.seq - b.seq
	})
	s.resume(ready[s.src.pick("schedule", len(ready))])
	return true
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
}

type taskKey struct{}

func withTask(ctx context.Context, t *task) context.Context {
	return context.WithValue(ctx, taskKey{}, t)
}

// taskOf returns the task that a call is made by.
func taskOf(ctx context.Context) *task { return ctx.Value(taskKey{}).(*task) } //nolint:forcetypeassert // a call outside of a task is a bug here
