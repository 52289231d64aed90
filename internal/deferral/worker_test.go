package deferral_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func (w *world) worker() *deferral.Worker {
	return &deferral.Worker{
		Payments: w, Bookings: w, Items: store{w}, Now: func() time.Time { return w.now }, First: deferral.FirstDelay(w.random), Log: w.logger(),
	}
}

func delivery(id booking.ID, receives int) queue.Delivery {
	return queue.Delivery{Hint: queue.NewHint(id.Stream(), 3, "00-trace"), Receives: receives}
}

func TestWorkThatSucceedsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.owing(1)
	if err := w.worker().Handle(t.Context(), delivery(id, 2)); err != nil {
		t.Fatal(err)
	}
	w.wants("calls", []string{"process"}, w.calls)
	w.wants("trace", events.Trace{CausationID: string(id.Stream()) + "@3", Traceparent: "00-trace"}, w.trace)
	w.wants("items", []deferral.Item{}, w.Items())
}

func TestAHintMayAskToReconcile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := delivery(w.settled(1), 1)
	d.Reconcile = true
	w.workFails[deferraltest.ID(1)] = resilience.ErrOpen
	if err := w.worker().Handle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	w.wants("calls", []string{"reconcile"}, w.calls)
	if item := w.item(deferraltest.ID(1)); item == nil || !item.Reconcile {
		t.Errorf("the item is %+v, want one that asks to reconcile", item)
	}
}

// A notice of the provider may name its object alone: then it is asked whose it is.
func TestAHintMayNameAnObjectAlone(t *testing.T) {
	t.Parallel()
	ours, unknown := deferraltest.ID(1), deferraltest.ID(2)
	for name, tc := range map[string]struct {
		ref     string
		asked   error
		want    []string
		wantErr error
	}{
		"of ours":                 {"pi_ours", nil, []string{"reconcile"}, nil},
		"of another deployment's": {"pi_unknown", nil, nil, nil},
		"of nobody's":             {"pi_nobody", nil, nil, nil},
		"provider away":           {"pi_ours", resilience.ErrOpen, nil, resilience.ErrOpen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settled(1)
			w.bookingOf, w.lookFails = map[string]booking.ID{"pi_ours": ours, "pi_unknown": unknown}, tc.asked
			d := queue.Delivery{Hint: queue.NewHint(payments.StreamOf(tc.ref), 1, ""), Receives: 4}
			if err := w.worker().Handle(t.Context(), d); !errors.Is(err, tc.wantErr) {
				t.Errorf("error %v, want %v", err, tc.wantErr)
			}
			w.wants("calls", tc.want, w.calls)
			w.wants("items", []deferral.Item{}, w.Items())
		})
	}
}

// While the log does not say whether it is ours, the message comes again; news of ours
// that has to wait waits like everything else.
func TestAnObjectsNewsIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.settled(1)
	w.bookingOf = map[string]booking.ID{"pi_ours": id}
	d := queue.Delivery{Hint: queue.NewHint(payments.StreamOf("pi_ours"), 1, ""), Receives: 1}
	w.loadFails[id] = events.ErrUnavailable
	if err := w.worker().Handle(t.Context(), d); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("error %v, want that of the log", err)
	}
	delete(w.loadFails, id)
	w.workFails[id] = resilience.ErrOpen
	if err := w.worker().Handle(t.Context(), d); err != nil {
		t.Error(err)
	}
	if item := w.item(id); item == nil || !item.Reconcile {
		t.Errorf("the item is %+v, want one that asks to reconcile", item)
	}
}

// An item that waits for the same booking is the sweeper's to delete.
func TestSuccessTouchesNoItem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.owing(1)
	w.deferred(false, id)
	before := *w.item(id)
	if err := w.worker().Handle(t.Context(), delivery(id, 1)); err != nil {
		t.Fatal(err)
	}
	w.wants("the item", before, *w.item(id))
}

func TestWhatTheProviderHoldsUpIsPutOff(t *testing.T) {
	t.Parallel()
	failed := func(class resilience.Class, code string) error {
		return fmt.Errorf("capture for bk_1: %w", &payments.Error{Outcome: class, Code: code})
	}
	for want, err := range map[deferral.Reason]error{
		deferral.BreakerOpen:            fmt.Errorf("capture: %w", resilience.ErrOpen),
		"unavailable: rate_limit":       failed(resilience.Transient, "rate_limit"),
		"outcome_unknown: timeout":      failed(resilience.Unknown, "timeout"),
		"refused: api_key_expired":      failed(resilience.Permanent, "api_key_expired"),
		"refused: card_declined":        failed(resilience.Declined, "card_declined"), // which payments takes for an outcome
		"refused":                       failed(resilience.Permanent, ""),
		deferral.Undecided:              fmt.Errorf("pi_1 is processing: %w", payments.ErrUndecided),
		deferral.OutOfTime:              fmt.Errorf("capture: %w", resilience.ErrOver),
		"breaker_open ":                 resilience.ErrFull,
		"outcome_unknown: lock_timeout": errors.Join(errAway, failed(resilience.Unknown, "lock_timeout")),
	} {
		w := newWorld(t)
		id := w.owing(1)
		w.workFails[id] = err
		if got := w.worker().Handle(t.Context(), delivery(id, 1)); got != nil {
			t.Errorf("%s: %v, want it acknowledged", want, got)
			continue
		}
		item := deferral.Item{
			Booking: id, Operation: payments.Authorize, Reason: deferral.Reason(strings.TrimSpace(string(want))),
			Since: noon, Next: noon.Add(15 * time.Second), Attempts: 1,
		}
		if diff := cmp.Diff([]deferral.Item{item}, w.Items(), cmpopts.IgnoreFields(deferral.Item{}, "Rev")); diff != "" {
			t.Errorf("%s: items (-want +got):\n%s", want, diff)
		}
		if !strings.Contains(w.log.String(), "payment deferred") {
			t.Errorf("%s: the log says nothing", want)
		}
	}
}

// Powertools: no integration with queues. What its open breaker refuses returns to the
// queue, and after a few receives lies among the dead letters.
func TestFlawAnOpenBreakerFillsTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.owing(1)
	w.workFails[id] = fmt.Errorf("authorize: %w", resilience.ErrOpen)
	for receive := 1; receive <= 5; receive++ {
		if err := w.worker().Handle(t.Context(), delivery(id, receive)); err != nil {
			t.Errorf("receive %d: %v, want it acknowledged, and one item that keeps the work", receive, err)
		}
	}
	if items := w.Items(); len(items) != 1 || items[0].Booking != id {
		t.Errorf("%+v, want one item for the booking", items)
	}
}

// The log is away, or something is broken: that is not for the provider to mend.
func TestWhatTheProviderDoesNotHoldUpComesAgain(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"the log is away":   fmt.Errorf("load: %w", events.ErrUnavailable),
		"races were lost":   fmt.Errorf("append: %w", events.ErrConflict),
		"a bug":             errors.New("operation is not known"),
		"a limit of others": fmt.Errorf("load: %w", context.DeadlineExceeded),
	} {
		w := newWorld(t)
		id := w.owing(1)
		w.workFails[id] = err
		if got := w.worker().Handle(t.Context(), delivery(id, 2)); !errors.Is(got, err) {
			t.Errorf("%s: %v, want the error", name, got)
		}
		w.wants(name+": items", []deferral.Item{}, w.Items())
	}
}

// Messages that name nothing fail each time, and so end in the dead-letter queue.
func TestWhatNamesNoBookingFails(t *testing.T) {
	t.Parallel()
	for _, receives := range []int{1, 2, 3, 5} {
		w := newWorld(t)
		w.workFails[deferraltest.ID(1)] = fmt.Errorf("pay: %w", payments.ErrNoBooking)
		if err := w.worker().Handle(t.Context(), delivery(deferraltest.ID(1), receives)); !errors.Is(err, payments.ErrNoBooking) {
			t.Errorf("received %d times: %v, want ErrNoBooking", receives, err)
		}
		other := queue.Delivery{Hint: queue.NewHint("driver/7", 1, ""), Receives: receives}
		if err := w.worker().Handle(t.Context(), other); !errors.Is(err, queue.ErrMalformed) {
			t.Errorf("received %d times: %v, want ErrMalformed", receives, err)
		}
		w.wants("items", []deferral.Item{}, w.Items())
	}
}

func TestAMessageThatKeepsComingIsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.owing(1)
	if err := w.worker().Handle(t.Context(), delivery(id, 3)); err != nil {
		t.Fatal(err)
	}
	w.wants("calls", []string(nil), w.calls)
	if item := w.item(id); item == nil || item.Reason != deferral.ReceivedAgain || item.Operation != payments.Authorize {
		t.Errorf("the item is %+v", item)
	}
}

// Even if the log does not answer: the message is on its way to the dead letters.
func TestAMessageThatKeepsComingIsSetAsideBlindly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.owing(1)
	w.loadFails[id] = events.ErrUnavailable
	if err := w.worker().Handle(t.Context(), delivery(id, 4)); err != nil {
		t.Fatal(err)
	}
	if item := w.item(id); item == nil || item.Operation != "" {
		t.Errorf("the item is %+v", item)
	}
}

// A message is acknowledged only once its item is there.
func TestWithoutAnItemTheMessageComesAgain(t *testing.T) {
	t.Parallel()
	for _, receives := range []int{1, 3} {
		w := newWorld(t)
		id := w.owing(1)
		w.workFails[id], w.storeFails["defer"] = resilience.ErrOpen, errAway
		err := w.worker().Handle(t.Context(), delivery(id, receives))
		if !errors.Is(err, errAway) || receives == 1 && !errors.Is(err, resilience.ErrOpen) {
			t.Errorf("received %d times: %v, want both errors", receives, err)
		}
	}
}

// The work ends early enough for its item to be written.
func TestTimeIsKeptToPutWorkOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.owing(1)
		w.workFails[id] = errHangs
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		if err := w.worker().Handle(ctx, delivery(id, 1)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 28*time.Second {
			t.Errorf("it took %s, want 28 s", took)
		}
		if item := w.item(id); item == nil || item.Reason != deferral.OutOfTime {
			t.Errorf("the item is %+v", item)
		}
	})
}
