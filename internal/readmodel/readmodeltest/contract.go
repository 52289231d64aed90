package readmodeltest

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Run checks that a store keeps the contract of readmodel.Ledger. newStore
// returns an empty store for one test.
func Run(t *testing.T, newStore func(t *testing.T) readmodel.Ledger) {
	t.Helper()
	tests := map[string]func(*testing.T, *harness){
		"a view that was never put is missing":       testMissing,
		"what was put is got":                        testPutAndGet,
		"a newer view replaces an older one":         testNewer,
		"an older view changes nothing":              testOlder,
		"a view of the same version is kept":         testSameVersion,
		"any order of puts leaves the newest":        testAnyOrder,
		"of racing puts the newest is left":          testRace,
		"bookings do not touch each other":           testApart,
		"memory is not shared with the caller":       testNoSharedMemory,
		"a canceled context is an unavailable store": testCanceled,
		"a rider sees only their own":                testRidersApart,
		"a booking waits until it has a driver":      testWaits,
		"those that wait may leave between pages":    testAssignedBetweenPages,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newHarness(t, newStore))
		})
	}
	runLists(t, newStore)
	runLedger(t, newStore)
}

// harness is a store and one booking in it.
type harness struct {
	readmodel.Ledger
	*testing.T
	id booking.ID
}

func newHarness(t *testing.T, newStore func(t *testing.T) readmodel.Ledger) *harness {
	t.Helper()
	return &harness{Ledger: newStore(t), T: t, id: booking.IDFor(booking.Caller{Subject: t.Name()}, "view")}
}

// Rider returns the rider of every View.
func Rider() booking.RiderID {
	return booking.Caller{Issuer: "https://issuer.example", Subject: "alice"}.RiderID()
}

// View returns a view of a booking that was confirmed, at a version. What it
// shows tells the version, so that views of different versions differ.
func View(id booking.ID, version int64) readmodel.View {
	at := time.Date(2026, 11, 23, 9, 30, 0, 123_000_000, time.UTC)
	euros := func(amount int64) booking.Money { return booking.Money{Amount: amount, Currency: "EUR"} }
	driver, failure := "driver-"+strconv.FormatInt(version, 10), "insufficient_funds"
	return readmodel.View{
		ID: id, Version: version, State: booking.Canceled, RiderID: Rider(), Product: "standard",
		Pickup:  booking.Place{Lat: 52.520008, Lng: 13.404954, Label: "Alexanderplatz 🚕 <b>"},
		Dropoff: booking.Place{Lat: -0.1, Lng: 1e-9},
		Fare:    euros(1043),
		Payment: readmodel.Payment{
			State: booking.PaymentIsDeclined, Authorized: euros(1304), Captured: euros(1043), Refunded: euros(version), Failure: &failure,
		},
		DriverID:     &driver,
		Cancellation: &readmodel.Cancellation{By: "payment", Reason: string(booking.CausePaymentDeclined), Fee: euros(0)},
		RequestedAt:  at, UpdatedAt: at.Add(time.Duration(version) * time.Second),
	}
}

func (h *harness) put(v readmodel.View) {
	h.Helper()
	if err := h.Put(h.Context(), v); err != nil {
		h.Fatalf("put version %d: %v", v.Version, err)
	}
}

// holds checks what the store has of the booking.
func (h *harness) holds(want readmodel.View) {
	h.Helper()
	got, ok, err := h.Get(h.Context(), want.ID)
	if err != nil || !ok {
		h.Fatalf("get %s: there is one: %v, error: %v", want.ID, ok, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.Errorf("the view (-want +got):\n%s", diff)
	}
}

func testMissing(t *testing.T, h *harness) {
	v, ok, err := h.Get(t.Context(), h.id)
	if ok || err != nil || v != (readmodel.View{}) {
		t.Errorf("got %+v, %v, %v; want nothing and no error", v, ok, err)
	}
}

func testPutAndGet(_ *testing.T, h *harness) {
	h.put(View(h.id, 7))
	h.holds(View(h.id, 7))

	// The optional parts are optional.
	least := View(booking.IDFor(booking.Caller{Subject: h.Name()}, "least"), 1)
	least.DriverID, least.Cancellation, least.Payment.Failure, least.Pickup.Label = nil, nil, nil, ""
	h.put(least)
	h.holds(least)
}

func testNewer(_ *testing.T, h *harness) {
	for _, version := range []int64{1, 2, 9, 10, 1 << 40} { // 9 and 10: as numbers, not as text
		h.put(View(h.id, version))
		h.holds(View(h.id, version))
	}
}

func testOlder(_ *testing.T, h *harness) {
	h.put(View(h.id, 10))
	for _, version := range []int64{9, 1, 2} {
		h.put(View(h.id, version))
		h.holds(View(h.id, 10))
	}
}

func testSameVersion(_ *testing.T, h *harness) {
	h.put(View(h.id, 3))
	other := View(h.id, 3)
	other.State = booking.Confirmed
	h.put(other)
	h.holds(View(h.id, 3))
}

func testAnyOrder(t *testing.T, h *harness) {
	const versions, orders = 8, 5
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for order := range orders {
		id := booking.IDFor(booking.Caller{Subject: t.Name()}, strconv.Itoa(order))
		for _, i := range random.Perm(versions) {
			h.put(View(id, int64(i+1)))
		}
		h.holds(View(id, versions))
	}
}

func testRace(t *testing.T, h *harness) {
	const racers = 20
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			if err := h.Put(t.Context(), View(h.id, int64(i+1))); err != nil {
				t.Errorf("put version %d: %v", i+1, err)
			}
		})
	}
	wg.Wait()
	h.holds(View(h.id, racers))
}

func testApart(_ *testing.T, h *harness) {
	other := booking.IDFor(booking.Caller{Subject: h.Name()}, "other")
	h.put(View(h.id, 5))
	h.put(View(other, 2))
	h.holds(View(h.id, 5))
	h.holds(View(other, 2))
}

func testNoSharedMemory(t *testing.T, h *harness) {
	spoil := func(v readmodel.View) { *v.DriverID, *v.Payment.Failure, v.Cancellation.By = "x", "x", "x" }
	given := View(h.id, 1)
	h.put(given)
	spoil(given)
	h.holds(View(h.id, 1))

	got, _, err := h.Get(t.Context(), h.id)
	if err != nil {
		t.Fatal(err)
	}
	spoil(got)
	h.holds(View(h.id, 1))
}

func testCanceled(t *testing.T, h *harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Put(ctx, View(h.id, 1)); !errors.Is(err, readmodel.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want ErrUnavailable because of the context", err)
	}
	if _, ok, err := h.Get(ctx, h.id); ok || !errors.Is(err, readmodel.ErrUnavailable) {
		t.Errorf("get: %v, %v; want ErrUnavailable", ok, err)
	}
	if _, ok, err := h.Get(t.Context(), h.id); ok || err != nil {
		t.Errorf("afterwards there is a view: %v, %v", ok, err)
	}
}
