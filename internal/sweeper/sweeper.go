package sweeper

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Pass is one kind of due work.
type Pass interface {
	// Name is how logs call the pass.
	Name() string
	// Run does a portion of the work that is due, a few seconds' worth, and returns
	// when it wants to go on: at once, later, or, with the zero time, not before the
	// next minute. It goes on where it stopped, or from where it likes; the runner
	// never runs it twice at once. What it does must survive being interrupted
	// between any two steps.
	Run(ctx context.Context) (again time.Time, err error)
}

// Limits of a run.
const (
	// most leaves room for the next run, a minute after this one.
	most = 55 * time.Second
	// margin is kept free before the deadline of the caller.
	margin = 2 * time.Second
	// portion bounds one turn of a pass, so that one which hangs leaves time for the
	// others.
	portion = 15 * time.Second
)

// AlarmFailed is the message about a pass that failed. A metric and an alarm are made from
// it.
const AlarmFailed = "pass failed"

// Logger is what a Runner needs of a slog.Logger.
type Logger interface {
	ErrorContext(ctx context.Context, message string, attributes ...any)
}

// Runner lets passes run by turns.
type Runner struct {
	Passes []Pass
	// Now is the wall clock.
	Now func() time.Time
	// Sleep waits, or returns the error of a context that ended meanwhile.
	Sleep func(context.Context, time.Duration) error
	// Log is told of each failure of a pass as it happens.
	Log Logger
}

// ErrFailed says that some passes failed. The log has told why.
var ErrFailed = errors.New("passes failed")

// turn is when a pass wants to go on.
type turn struct {
	pass Pass
	at   time.Time
}

// Run returns when nothing is due any more, or after 55 seconds, or shortly before
// the deadline of ctx. The pass that waits longest goes first; who is first at the
// start changes from minute to minute. A pass that fails, hangs or panics is left out
// until the next run, and does not hold up the others.
func (r *Runner) Run(ctx context.Context) error {
	ctx, cancelMargin := resilience.KeepMargin(ctx, margin)
	defer cancelMargin()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	var failed []string
	turns := r.turns()
	for len(turns) > 0 {
		next := earliest(turns)
		if deadline, _ := ctx.Deadline(); turns[next].at.After(deadline) {
			break // a matter of the next run
		}
		if r.Sleep(ctx, turns[next].at.Sub(r.Now())) != nil {
			break // time is up
		}
		again, err := turns[next].run(ctx)
		if err != nil && ctx.Err() == nil {
			failed = append(failed, turns[next].pass.Name())
			r.Log.ErrorContext(ctx, AlarmFailed, "pass", turns[next].pass.Name(), "error", err.Error())
		}
		moved := turn{turns[next].pass, again}
		turns = append(turns[:next], turns[next+1:]...)
		if err == nil && !again.IsZero() {
			turns = append(turns, moved)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%w: %s", ErrFailed, strings.Join(failed, ", "))
	}
	return nil
}

// turns are those of all passes, now, in this minute's order.
func (r *Runner) turns() []turn {
	now := r.Now()
	var turns []turn
	for i := range r.Passes {
		first := int(now.Unix() / 60 % int64(len(r.Passes)))
		turns = append(turns, turn{r.Passes[(first+i)%len(r.Passes)], now})
	}
	return turns
}

func earliest(turns []turn) int {
	first := 0
	for i, t := range turns {
		if t.at.Before(turns[first].at) {
			first = i
		}
	}
	return first
}

func (t turn) run(ctx context.Context) (again time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, portion)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return t.pass.Run(ctx)
}
