package booking_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// meddler is a store in which somebody else acts between our load and our append.
type meddler struct {
	events.Store
	mu    sync.Mutex
	loads int
	// before each append, until it returns false
	meddle func(store events.Store, at events.Position) bool
	fail   error
	log    bytes.Buffer
}

func (m *meddler) Load(ctx context.Context, stream events.StreamID) (events.History, error) {
	m.mu.Lock()
	m.loads++
	m.mu.Unlock()
	return m.Store.Load(ctx, stream)
}

func (m *meddler) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	m.mu.Lock()
	if m.meddle != nil && !m.meddle(m.Store, at) {
		m.meddle = nil
	}
	m.mu.Unlock()
	if m.fail != nil {
		return events.Appended{}, m.fail
	}
	return m.Store.Append(ctx, at, d)
}

func service(m *meddler) *booking.Service {
	if m.Store == nil {
		m.Store = eventstest.NewMemory(events.NewStamp)
	}
	return &booking.Service{
		Store:   m,
		Backoff: booking.RaceBackoff(func() float64 { return 0 }),
		Sleep:   resilience.Sleep,
		Log:     slog.New(slog.NewTextHandler(&m.log, nil)),
	}
}

func envelope(command string) booking.Envelope {
	return booking.Envelope{CommandID: command, Request: []byte(`{"` + command + `":1}`), Actor: "rider/alice", At: noon}
}

func create(t *testing.T, s *booking.Service) booking.Outcome {
	t.Helper()
	out, err := s.Create(t.Context(), id, request(t), envelope("create"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCreateReadsNothing(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	s := service(m)
	first := create(t, s)
	again := create(t, s)
	if m.loads != 0 {
		t.Errorf("%d loads, want none: the refused write brings the answer with it", m.loads)
	}
	if first.Replayed || !again.Replayed {
		t.Errorf("replayed %v, then %v; want false, true", first.Replayed, again.Replayed)
	}
	if diff := cmp.Diff(first.State, again.State); diff != "" {
		t.Errorf("the repeat got another answer (-first +again):\n%s", diff)
	}
}

func TestARepeatedCreateIsAnsweredAsOfThen(t *testing.T) {
	t.Parallel()
	s := service(&meddler{})
	first := create(t, s)
	if _, err := s.Execute(t.Context(), id, start, envelope("start")); err != nil {
		t.Fatal(err)
	}
	refused := request(t)
	refused.Product = "withdrawn since"
	again, err := s.Create(t.Context(), id, refused, envelope("create"))
	if err != nil || !again.Replayed {
		t.Fatalf("got %v, replayed %v; want the first answer", err, again.Replayed)
	}
	if diff := cmp.Diff(first.State, again.State); diff != "" {
		t.Errorf("the repeat got another answer (-first +again):\n%s", diff)
	}
}

func TestARejectedCreateStoresNothingAndIsDecidedAfresh(t *testing.T) {
	t.Parallel()
	s := service(&meddler{})
	refused := request(t)
	refused.Product = "not yet known"
	if _, err := s.Create(t.Context(), id, refused, envelope("create")); codeOf(err) != booking.CodeValidationFailed {
		t.Fatalf("got %v, want validation-failed", err)
	}
	if out := create(t, s); out.Replayed {
		t.Error("a rejection was remembered")
	}
}

func TestAKeyIsForOneRequest(t *testing.T) {
	t.Parallel()
	s := service(&meddler{})
	create(t, s)
	other := envelope("create")
	other.Request = []byte(`{"something":"else"}`)
	if _, err := s.Create(t.Context(), id, request(t), other); codeOf(err) != booking.CodeKeyReused {
		t.Errorf("create: %v, want idempotency-key-reused", err)
	}
	other.CommandID = "start"
	if _, err := s.Execute(t.Context(), id, start, envelope("start")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Execute(t.Context(), id, start, other); codeOf(err) != booking.CodeKeyReused {
		t.Errorf("execute: %v, want idempotency-key-reused", err)
	}
}

func TestALostRaceIsDecidedAgain(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	s := service(m)
	create(t, s)
	m.meddle = func(store events.Store, _ events.Position) bool {
		rival := service(&meddler{Store: store})
		if _, err := rival.Execute(t.Context(), id, start, envelope("rival")); err != nil {
			t.Error(err)
		}
		return false
	}
	// Ours loses to a rival that starts another object, and then finds that
	// nothing is left to be done.
	mine := booking.RecordPaymentStarted{At: noon, Ref: "pi_mine", Group: 1}
	out, err := s.Execute(t.Context(), id, mine, envelope("mine"))
	if err != nil || out.State.Payment.Ref != "pi_1" || out.State.Version != 2 {
		t.Errorf("got %v, ref %s at version %d; want the rival's pi_1 at 2", err, out.State.Payment.Ref, out.State.Version)
	}
}

// A create that meets another's transaction before there is a booking is decided again, too.
func TestACreateThatMeetsTransactionsIsDecidedAgain(t *testing.T) {
	t.Parallel()
	for _, contended := range []int{1, 2, 5} {
		store := eventstest.NewMemory(events.NewStamp)
		s := service(&meddler{Store: store})
		store.Contend(contended)
		if out := create(t, s); out.Replayed || out.State.Version != 1 {
			t.Errorf("after %d transactions: replayed %v at version %d", contended, out.Replayed, out.State.Version)
		}
	}
	store := eventstest.NewMemory(events.NewStamp)
	store.Contend(100)
	if _, err := service(&meddler{Store: store}).Create(t.Context(), id, request(t), envelope("create")); !errors.Is(err, events.ErrConflict) {
		t.Errorf("without end: %v, want a conflict", err)
	}
}

func TestRacesEndInAConflict(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	s := service(m)
	first := create(t, s).History.Commits()[0]
	m.meddle = func(store events.Store, at events.Position) bool {
		if _, err := store.Append(t.Context(), at, rivalDraft(first)); err != nil {
			t.Error(err)
		}
		return true
	}
	m.loads = 0
	if _, err := s.Execute(t.Context(), id, start, envelope("mine")); !errors.Is(err, events.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	if m.loads != 6 {
		t.Errorf("%d loads, want 6: the races are bounded", m.loads)
	}
}

// rivalDraft is a commit of somebody else that leaves the booking as it was.
func rivalDraft(first events.Commit) events.Draft {
	return events.Draft{CommandID: "rival-" + events.NewStamp().CommitID, RecordedAt: noon, Events: first.Events, Personal: first.Personal}
}

func TestASleepThatEndsLeavesTheOutcomeToARepeat(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	s := service(m)
	first := create(t, s).History.Commits()[0]
	m.meddle = func(store events.Store, at events.Position) bool {
		_, err := store.Append(t.Context(), at, rivalDraft(first))
		return err == nil
	}
	s.Sleep = func(context.Context, time.Duration) error { return context.DeadlineExceeded }
	_, err := s.Execute(t.Context(), id, start, envelope("mine"))
	if !errors.Is(err, events.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want ErrUnavailable and the deadline", err)
	}
}

func TestAnUnavailableStoreIsPassedOn(t *testing.T) {
	t.Parallel()
	s := service(&meddler{fail: events.ErrUnavailable})
	if _, err := s.Create(t.Context(), id, request(t), envelope("create")); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestTwentyRacersCreateOneBooking(t *testing.T) {
	t.Parallel()
	s := service(&meddler{})
	outs := make([]booking.Outcome, 20)
	var wg sync.WaitGroup
	for i := range outs {
		wg.Go(func() {
			var err error
			if outs[i], err = s.Create(t.Context(), id, request(t), envelope("create")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	fresh := 0
	for _, out := range outs {
		if !out.Replayed {
			fresh++
		}
		if diff := cmp.Diff(outs[0].State, out.State); diff != "" {
			t.Errorf("racers got different answers:\n%s", diff)
		}
	}
	if fresh != 1 {
		t.Errorf("%d racers were told that they were first, want 1", fresh)
	}
}

// drive brings a booking to the point where a driver may be assigned.
func drive(t *testing.T, s *booking.Service, id booking.ID) {
	t.Helper()
	if _, err := s.Create(t.Context(), id, request(t), envelope("create")); err != nil {
		t.Fatal(err)
	}
	for name, c := range []booking.Command{start, authorize} {
		if _, err := s.Execute(t.Context(), id, c, envelope("pay-"+string(rune('a'+name)))); err != nil {
			t.Fatal(err)
		}
	}
}

// A UUID is the same id in capitals: a driver has one lease, however an app prints it.
func TestADriverHasOneActiveRideInEverySpelling(t *testing.T) {
	t.Parallel()
	s := service(&meddler{})
	second := booking.ID("bk_" + strings.Repeat("b", 32))
	drive(t, s, id)
	drive(t, s, second)
	const driver = "7d0f3a52-5a2f-4a3c-9b52-2f6b2c1f0e11"
	if _, err := s.Execute(t.Context(), id, booking.Assign{At: noon, DriverID: strings.ToUpper(driver)}, envelope("assign")); err != nil {
		t.Fatal(err)
	}
	if holder, _, err := s.Store.Holder(t.Context(), booking.DriverLease(driver)); err != nil || holder != id.Stream() {
		t.Errorf("the driver's lease is with %s (%v), want %s", holder, err, id.Stream())
	}
	if _, err := s.Execute(t.Context(), second, booking.Assign{At: noon, DriverID: driver}, envelope("assign")); codeOf(err) != booking.CodeDriverBusy {
		t.Errorf("a second ride: %v, want driver-busy", err)
	}
}

func TestADriverHasOneActiveRide(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	s := service(m)
	second := booking.ID("bk_" + strings.Repeat("b", 32))
	drive(t, s, id)
	drive(t, s, second)
	assign := booking.Assign{At: noon, DriverID: "d-1"}
	do := func(id booking.ID, c booking.Command, key string) error {
		_, err := s.Execute(t.Context(), id, c, envelope(key))
		return err
	}
	if err := do(id, assign, "assign"); err != nil {
		t.Fatal(err)
	}
	if err := do(second, assign, "assign"); codeOf(err) != booking.CodeDriverBusy {
		t.Errorf("a second ride: %v, want driver-busy", err)
	}
	if err := do(id, assign, "assign"); err != nil {
		t.Errorf("a repeat: %v", err)
	}
	if err := do(id, booking.Cancel{At: noon, By: "rider", Reason: "x"}, "cancel"); err != nil {
		t.Fatal(err)
	}
	if err := do(second, assign, "assign"); err != nil {
		t.Errorf("after the first ride was canceled: %v", err)
	}
	if holder, _, err := s.Store.Holder(t.Context(), booking.DriverLease("d-1")); err != nil || holder != second.Stream() {
		t.Errorf("the driver's lease is with %s (%v), want %s", holder, err, second.Stream())
	}
}

// Every way in which a ride ends sets its driver free.
func TestTheLeaseEndsWithTheRide(t *testing.T) {
	t.Parallel()
	later := noon.AddDate(0, 0, 3)
	ends := map[string][]booking.Command{
		"unassigned": {booking.Unassign{At: noon}},
		"completed":  {booking.Arrive{At: noon}, booking.Start{At: noon}, booking.Complete{At: noon}},
		"no-show":    {booking.Arrive{At: noon}, booking.NoShow{At: later}},
		"canceled":   {booking.Arrive{At: noon}, booking.Cancel{At: noon, By: "rider", Reason: "x"}},
		"aborted":    {booking.Arrive{At: noon}, booking.Start{At: noon}, booking.Abort{At: noon, Reason: "x"}},
		"expired":    {booking.Expire{At: later}},
		"lost":       {booking.RecordAuthorizationLost{At: noon, Ref: "pi_1"}},
	}
	for name, commands := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := service(&meddler{})
			drive(t, s, id)
			for i, c := range append([]booking.Command{booking.Assign{At: noon, DriverID: "d-1"}}, commands...) {
				_, held, err := s.Store.Holder(t.Context(), booking.DriverLease("d-1"))
				if err != nil || held != (i > 0) {
					t.Fatalf("before %T: held %v, %v", c, held, err)
				}
				if _, err := s.Execute(t.Context(), id, c, envelope("step-"+string(rune('a'+i)))); err != nil {
					t.Fatalf("%T: %v", c, err)
				}
			}
			if _, held, err := s.Store.Holder(t.Context(), booking.DriverLease("d-1")); err != nil || held {
				t.Errorf("the lease is still held (%v)", err)
			}
		})
	}
}

// A lease that somehow went to another booking is told of, and does not keep this
// one from ending.
func TestALeaseOfAnotherBookingDoesNotHoldThisOne(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	s := service(m)
	drive(t, s, id)
	if _, err := s.Execute(t.Context(), id, booking.Assign{At: noon, DriverID: "d-1"}, envelope("assign")); err != nil {
		t.Fatal(err)
	}
	h, err := m.Store.Load(t.Context(), id.Stream())
	if err != nil {
		t.Fatal(err)
	}
	// Behind the service's back: free the lease, and give it to another stream.
	release := rivalDraft(h.Commits()[3])
	release.Lease = events.Lease{Name: booking.DriverLease("d-1"), Change: events.LeaseReleased}
	if _, err := m.Store.Append(t.Context(), h.Position(), release); err != nil {
		t.Fatal(err)
	}
	take := release
	take.CommandID, take.Lease.Change = "other", events.LeaseTaken
	if _, err := m.Store.Append(t.Context(), events.NewStream("booking/other"), take); err != nil {
		t.Fatal(err)
	}
	out, err := s.Execute(t.Context(), id, booking.Cancel{At: noon, By: "rider", Reason: "x"}, envelope("cancel"))
	if err != nil || out.State.Status != booking.Canceled {
		t.Fatalf("cancel: %v, %s", err, out.State.Status)
	}
	if holder, _, _ := s.Store.Holder(t.Context(), booking.DriverLease("d-1")); holder != "booking/other" {
		t.Errorf("the lease went to %q", holder)
	}
	if !strings.Contains(m.log.String(), "lease of another booking") {
		t.Errorf("nobody was told: %s", m.log.String())
	}
}
