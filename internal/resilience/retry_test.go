package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

type failure struct {
	class resilience.Class
	wait  time.Duration
}

func (f failure) Error() string           { return f.class.String() }
func (f failure) Class() resilience.Class { return f.class }
func (f failure) Wait() time.Duration     { return f.wait }

var (
	transient = failure{class: resilience.Transient}
	unknown   = failure{class: resilience.Unknown}
	declined  = failure{class: resilience.Declined}
)

func retry(attempts int) resilience.Retry {
	return resilience.Retry{
		Attempts:      attempts,
		Backoff:       resilience.Backoff{Base: time.Second, Cap: 4 * time.Second, Rand: func() float64 { return 1 }},
		MaxRetryAfter: 10 * time.Second,
		Now:           time.Now, Sleep: resilience.Sleep,
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		outcomes []error
		deadline time.Duration
		want     error
		calls    int
		took     time.Duration
	}{
		"success at once":                    {[]error{nil}, 0, nil, 1, 0},
		"success after two":                  {[]error{transient, transient, nil}, 0, nil, 3, 3 * time.Second},
		"attempts are bounded":               {[]error{transient, transient, transient}, 0, transient, 3, 3 * time.Second},
		"the last attempt's error":           {[]error{transient, unknown}, 0, unknown, 2, time.Second},
		"an unknown outcome is not repeated": {[]error{unknown}, 0, unknown, 1, 0},
		"a decline is not repeated":          {[]error{declined}, 0, declined, 1, 0},
		"what is not classified is unknown":  {[]error{errors.ErrUnsupported}, 0, errors.ErrUnsupported, 1, 0},
		"Retry-After is honored":             {[]error{failure{resilience.Transient, 7 * time.Second}, nil}, 0, nil, 2, 7 * time.Second},
		"a short Retry-After does not hurry": {[]error{failure{resilience.Transient, time.Millisecond}, nil}, 0, nil, 2, time.Second},
		"a long Retry-After ends it":         {[]error{failure{resilience.Transient, time.Minute}}, 0, failure{resilience.Transient, time.Minute}, 1, 0},
		"no wait beyond the deadline":        {[]error{transient, transient}, 2500 * time.Millisecond, transient, 2, time.Second},
		"no wait that ends at the deadline":  {[]error{transient}, time.Second, transient, 1, 0},
		"a wrapped failure keeps its class":  {[]error{fmt.Errorf("call: %w", transient), nil}, 0, nil, 2, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				calls, began := 0, time.Now()
				err := retry(3).Do(ctx, func(context.Context) error { calls++; return tt.outcomes[calls-1] })
				if !errors.Is(err, tt.want) || calls != tt.calls || time.Since(began) != tt.took {
					t.Errorf("%v after %d calls and %s; want %v after %d and %s", err, calls, time.Since(began), tt.want, tt.calls, tt.took)
				}
			})
		})
	}
}

func TestACancelEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		began, calls := time.Now(), 0
		err := retry(3).Do(ctx, func(context.Context) error { calls++; return transient })
		if !errors.Is(err, transient) || calls != 1 || time.Since(began) != 300*time.Millisecond {
			t.Errorf("%v after %d calls and %s; want the attempt's own error after 300 ms", err, calls, time.Since(began))
		}
	})
}

func TestBackoffIsBoundedFullJitter(t *testing.T) {
	t.Parallel()
	draw := 0.0
	b := resilience.Backoff{Base: 100 * time.Millisecond, Cap: time.Second, Rand: func() float64 { return draw }}
	for failures, bound := range map[int]time.Duration{
		0: 0, -3: 0, 1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 4: 800 * time.Millisecond, 5: time.Second, 500: time.Second,
	} {
		for _, draw = range []float64{0, 0.5, 0.999} {
			if got, want := b.Delay(failures), time.Duration(draw*float64(bound)); got != want {
				t.Errorf("after %d failures, draw %v: %s, want %s", failures, draw, got, want)
			}
		}
	}
}

func TestTimeoutAndMargin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		err := resilience.Timeout(t.Context(), time.Second, hang)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %s, want the deadline after 1 s", err, time.Since(began))
		}
		outer, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		kept, release := resilience.KeepMargin(outer, 2*time.Second)
		defer release()
		if deadline, ok := kept.Deadline(); !ok || time.Until(deadline) != 3*time.Second {
			t.Errorf("%s left, want 3 s", time.Until(deadline))
		}
		endless, release := resilience.KeepMargin(t.Context(), time.Second)
		defer release()
		if _, ok := endless.Deadline(); ok {
			t.Error("a deadline came from nowhere")
		}
	})
}

func TestClassNames(t *testing.T) {
	t.Parallel()
	for class, want := range map[resilience.Class]string{
		resilience.Success: "success", resilience.Declined: "declined", resilience.Transient: "transient",
		resilience.Unknown: "unknown", resilience.Permanent: "permanent", resilience.Class(99): "invalid",
	} {
		if got := class.String(); got != want {
			t.Errorf("%d is %q, want %q", class, got, want)
		}
	}
}
