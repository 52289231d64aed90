package dynamoevents_test

import (
	"errors"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

func TestStoreMeetsTransactions(t *testing.T) {
	t.Parallel()
	eventstest.RunContended(t, func(t *testing.T) (events.Store, func(int)) {
		t.Helper()
		refusals := &dynamolocal.Refusals{}
		return newStore(dynamolocal.New(t, refusals.Option)), func(n int) { refusals.TransactionConflict(n) }
	})
}

// A transaction may be at either of the two items, or at both.
func TestATransactionAtOneItemOfTwoIsAConflict(t *testing.T) {
	t.Parallel()
	refusals := &dynamolocal.Refusals{}
	store := newStore(dynamolocal.New(t, refusals.Option))
	draft := eventstest.Draft("a")
	draft.Lease = events.Lease{Name: "driver/d-1", Change: events.LeaseTaken}
	for _, test := range []struct {
		name    string
		reasons []string
		want    error
	}{
		{"at the commit", []string{"TransactionConflict", "None"}, events.ErrConflict},
		{"at the lease", []string{"None", "TransactionConflict"}, events.ErrConflict},
		{"at both", []string{"TransactionConflict", "TransactionConflict"}, events.ErrConflict},
		{"at the commit, and the lease is throttled", []string{"TransactionConflict", "ThrottlingError"}, events.ErrConflict},
		{"at the commit, and the lease is held", []string{"TransactionConflict", "ConditionalCheckFailed"}, events.ErrLeaseHeld},
	} {
		refusals.Cancel(1, test.reasons...)
		_, err := store.Append(t.Context(), events.NewStream("test/contended"), draft)
		for _, sentinel := range []error{events.ErrConflict, events.ErrLeaseHeld, events.ErrUnavailable} {
			if got := errors.Is(err, sentinel); got != errors.Is(test.want, sentinel) {
				t.Errorf("%s: %v, want %v alone", test.name, err, test.want)
			}
		}
	}
	if history, err := store.Load(t.Context(), "test/contended"); err != nil || history.Exists() {
		t.Errorf("stored %v (%v), want nothing", history, err)
	}
	if appended, err := store.Append(t.Context(), events.NewStream("test/contended"), draft); err != nil || appended.Replayed {
		t.Errorf("afterwards: %v, replayed %v", err, appended.Replayed)
	}
}

// The answer to the first attempt is lost, and the SDK's repeat meets a transaction: the
// command is stored, and whoever loads again finds it.
func TestAConflictAfterALostAnswerLeavesTheCommandToBeFound(t *testing.T) {
	t.Parallel()
	for operation, change := range map[string]events.LeaseChange{"PutItem": events.LeaseKept, "TransactWriteItems": events.LeaseTaken} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			refusals := &dynamolocal.Refusals{}
			store := newStore(dynamolocal.New(t, refusals.Option))
			refusals.Lost(operation, 1)
			refusals.TransactionConflict(1)
			draft := eventstest.Draft("a")
			if change != events.LeaseKept {
				draft.Lease = events.Lease{Name: "driver/d-1", Change: change}
			}
			if _, err := store.Append(t.Context(), events.NewStream("test/lost"), draft); !errors.Is(err, events.ErrConflict) || refusals.Refused() != 2 {
				t.Fatalf("append: %v after %d failures; want a conflict after 2", err, refusals.Refused())
			}
			history, err := store.Load(t.Context(), "test/lost")
			if err != nil || len(history.Commits()) != 1 {
				t.Fatalf("loaded %v, %v", history, err)
			}
			if _, found := history.Command("a"); !found {
				t.Error("the command is not found")
			}
		})
	}
}

// A transaction that is canceled for want of capacity is repeated, as a throttled PutItem is.
func TestAThrottledTransactionIsRepeated(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"ThrottlingError", "ProvisionedThroughputExceeded"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			refusals := &dynamolocal.Refusals{}
			store := newStore(dynamolocal.New(t, refusals.Option))
			draft := eventstest.Draft("a")
			draft.Lease = events.Lease{Name: "driver/d-1", Change: events.LeaseTaken}
			refusals.Cancel(2, "None", reason)
			if appended, err := store.Append(t.Context(), events.NewStream("test/throttled"), draft); err != nil || appended.Replayed || refusals.Refused() != 2 {
				t.Errorf("append: %v, replayed %v, after %d failures; want success at the third attempt", err, appended.Replayed, refusals.Refused())
			}
			refusals.Cancel(3, reason, "None")
			if _, err := store.Append(t.Context(), events.NewStream("test/throttled too"), draft); !errors.Is(err, events.ErrUnavailable) || refusals.Refused() != 5 {
				t.Errorf("append: %v after %d failures, want ErrUnavailable after three more", err, refusals.Refused())
			}
		})
	}
}
