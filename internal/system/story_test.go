package system_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/system"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// story is a world with the words to tell what happens in it.
type story struct {
	*testing.T
	world *system.World
	now   time.Time
}

func tell(t *testing.T) *story {
	t.Helper()
	s := &story{T: t, now: noon}
	var err error
	if s.world, err = system.New(func() time.Time { return s.now }, func() float64 { return 0 }); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *story) later(d time.Duration) { s.now = s.now.Add(d) }

// paid returns the one payment at the provider.
func (s *story) paid() gatewaytest.Entry {
	s.Helper()
	ledger := s.world.Provider.Ledger()
	if len(ledger) != 1 {
		s.Fatalf("%d payments, want 1", len(ledger))
	}
	return ledger[0]
}

func (s *story) settles() {
	s.Helper()
	if err := s.world.Settle(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// rider is somebody with a phone, or with a desk and a role.
type rider struct {
	*story
	name  string
	roles []string
	keys  int
}

func (s *story) rider(name string) *rider { return &rider{story: s, name: name} }

func (s *story) dispatcher() *rider {
	return &rider{story: s, name: "dora", roles: []string{httpapi.RoleDispatch}}
}

func (s *story) ops() *rider { return &rider{story: s, name: "otto", roles: []string{httpapi.RoleOps}} }

// commands gives a command on a booking, and expects it to be granted.
func (r *rider) commands(id booking.ID, command, body string) readmodel.View {
	r.Helper()
	r.keys++
	w := r.calls(http.MethodPost, "/v1/bookings/"+string(id)+"/"+command, body, map[string]string{
		"Idempotency-Key": fmt.Sprint(r.name, "-", r.keys), "Content-Type": "application/json",
	})
	if w.Code != http.StatusOK && w.Code != http.StatusAccepted {
		r.Fatalf("%s: %s was answered with %d: %s", r.name, command, w.Code, w.Body)
	}
	return r.reads(w)
}

func (r *rider) calls(method, path, body string, headers map[string]string) *httptest.ResponseRecorder {
	r.Helper()
	req := httptest.NewRequestWithContext(httpapi.WithRequest(r.Context(), httpapi.Request{
		ID: "req-1", Caller: &httpapi.Caller{Caller: booking.Caller{Issuer: "https://issuer.example", Subject: r.name}, Roles: r.roles},
	}), method, path, strings.NewReader(body))
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	r.world.API.ServeHTTP(w, req)
	return w
}

func (r *rider) requests(key, method string) (*httptest.ResponseRecorder, readmodel.View) {
	r.Helper()
	w := r.calls(http.MethodPost, "/v1/bookings", `{
		"pickup": {"lat": 52.5219, "lng": 13.4132, "label": "Alexanderplatz"},
		"dropoff": {"lat": 52.5163, "lng": 13.3777, "label": "Brandenburger Tor"},
		"product": "standard", "payment_method": "`+method+`"}`,
		map[string]string{"Idempotency-Key": key, "Content-Type": "application/json"})
	if w.Code != http.StatusCreated {
		r.Fatalf("the request was answered with %d: %s", w.Code, w.Body)
	}
	return w, r.reads(w)
}

func (r *rider) reads(w *httptest.ResponseRecorder) readmodel.View {
	r.Helper()
	var v readmodel.View
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		r.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

func (r *rider) sees(id booking.ID, want booking.Status) readmodel.View {
	r.Helper()
	w := r.calls(http.MethodGet, "/v1/bookings/"+string(id), "", nil)
	v := r.reads(w)
	if w.Code != http.StatusOK || v.State != want {
		r.Errorf("%s sees %d and %s, want %s", r.name, w.Code, v.State, want)
	}
	return v
}

func TestABookingIsPaidAndConfirmed(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	_, booked := alice.requests("key-1", "pm_card_visa")
	if booked.State != booking.Requested || booked.Payment.State != booking.PaymentPending {
		t.Errorf("booked as %s with a %s payment, want requested and pending", booked.State, booked.Payment.State)
	}
	alice.sees(booked.ID, booking.Requested) // before any view was written

	s.settles()
	v := alice.sees(booked.ID, booking.Confirmed)
	if v.Version != 4 || v.Payment.Authorized.Amount != 1308 {
		t.Errorf("version %d, %d authorized; want 4 and 1308", v.Version, v.Payment.Authorized.Amount)
	}
	if stored, ok, err := s.world.Views.Get(t.Context(), booked.ID); err != nil || !ok || stored.Version != 4 {
		t.Errorf("the view is at %d (%v, %v), want 4", stored.Version, ok, err)
	}
}

func TestARepeatedRequestIsOneBookingAndOnePayment(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	first, booked := alice.requests("key-1", "pm_card_visa")
	s.settles()
	again, _ := alice.requests("key-1", "pm_card_visa")
	if again.Body.String() != first.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("the repeat got\n%s\nwant what the first got\n%s", again.Body, first.Body)
	}
	s.settles()
	if n := len(s.world.Provider.Ledger()); n != 1 {
		t.Errorf("%d payments, want 1", n)
	}
	alice.sees(booked.ID, booking.Confirmed)
}

func TestADeclinedCardCancelsTheBooking(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	_, booked := alice.requests("key-1", "pm_card_chargeDeclined")
	s.settles()
	v := alice.sees(booked.ID, booking.Canceled)
	if v.Cancellation == nil || v.Cancellation.Reason != string(booking.CausePaymentDeclined) || v.Cancellation.Fee.Amount != 0 {
		t.Errorf("canceled with %+v, want payment_declined without a fee", v.Cancellation)
	}
	for _, e := range s.world.Provider.Ledger() {
		if e.OpenHold {
			t.Errorf("%s still holds money", e.Ref)
		}
	}
}

func TestRidersDoNotMeet(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice, mallory := s.rider("alice"), s.rider("mallory")
	_, hers := alice.requests("key-1", "pm_card_visa")
	_, other := mallory.requests("key-1", "pm_card_visa")
	if hers.ID == other.ID {
		t.Fatal("two riders with the same key share a booking")
	}
	s.settles()
	foreign := mallory.calls(http.MethodGet, "/v1/bookings/"+string(hers.ID), "", nil)
	unknown := mallory.calls(http.MethodGet, "/v1/bookings/bk_"+strings.Repeat("z", 32), "", nil)
	if foreign.Code != http.StatusNotFound || foreign.Body.String() != unknown.Body.String() {
		t.Errorf("foreign: %d %s\nunknown: %d %s\nwant the same 404", foreign.Code, foreign.Body, unknown.Code, unknown.Body)
	}
}

func TestAnOutageOfTheProviderDoesNotStopBooking(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	for range 6 { // two hints' worth of attempts
		s.world.Provider.Script(gatewaytest.Create, gatewaytest.Unreachable())
	}
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.settles()
	alice.sees(booked.ID, booking.Requested)
	s.waits(booked.ID)
	s.sweeps()
	alice.sees(booked.ID, booking.Confirmed)
}

func TestAnOperatorStopsPaymentsAndNothingElse(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	desk := &fleet.Desk{Store: &s.world.Breaker, Now: func() time.Time { return s.now }}
	order := func(mode resilience.Mode) {
		t.Helper()
		if _, err := desk.Give(t.Context(), mode, "otto", "the provider asked us to"); err != nil {
			t.Fatal(err)
		}
		s.later(2 * time.Second) // until everybody has heard
	}
	healthy := func(want string) {
		t.Helper()
		if w := alice.calls(http.MethodGet, "/health", "", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("health: %d %s, want %s", w.Code, w.Body, want)
		}
	}
	healthy(`"status":"ok","payments":"closed"`)
	order(resilience.ForcedOpen)
	healthy(`"status":"degraded","payments":"open"`)
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.relaysOnce()
	alice.sees(booked.ID, booking.Requested)
	if n := len(s.world.Provider.Ledger()); n != 0 {
		t.Errorf("%d payments at the provider, want none", n)
	}
	order(resilience.Auto)
	healthy(`"status":"ok","payments":"closed"`)
	s.sweeps()
	alice.sees(booked.ID, booking.Confirmed)
}

func TestARideFromRequestToCapture(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice, dora := s.rider("alice"), s.dispatcher()
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.settles()
	waiting := dora.calls(http.MethodGet, "/v1/dispatch/bookings?state=confirmed", "", nil)
	if !strings.Contains(waiting.Body.String(), string(booked.ID)) {
		t.Fatalf("the dispatcher does not see it waiting: %s", waiting.Body)
	}
	for _, step := range [][2]string{
		{"assign", `{"driver_id":"d-1"}`}, {"arrive", ``}, {"start", `{}`}, {"complete", `{"distance_m":3300,"duration_s":480}`},
	} {
		s.later(3 * time.Minute)
		dora.commands(booked.ID, step[0], step[1])
	}
	s.settles()
	v := alice.sees(booked.ID, booking.Completed)
	if v.Payment.State != booking.PaymentIsCaptured || v.Payment.Captured != v.Fare || v.Fare.Amount != 1084 {
		t.Errorf("payment %+v of fare %v, want all of 1084 captured", v.Payment, v.Fare)
	}
	if p := s.paid(); p.Captured != 1084 || p.OpenHold {
		t.Errorf("the provider captured %d, open hold %v", p.Captured, p.OpenHold)
	}
	if list := dora.calls(http.MethodGet, "/v1/dispatch/bookings", "", nil); strings.Contains(list.Body.String(), string(booked.ID)) {
		t.Errorf("it still waits for a driver: %s", list.Body)
	}
}

func TestALateCancellationCostsItsFee(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice, dora := s.rider("alice"), s.dispatcher()
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.settles()
	dora.commands(booked.ID, "assign", `{"driver_id":"d-1"}`)
	s.later(3 * time.Minute)
	v := alice.commands(booked.ID, "cancel", `{"reason":"found my bicycle"}`)
	if v.State != booking.Canceled || v.Cancellation.Fee.Amount != 500 || v.Cancellation.Reason != "found my bicycle" || v.Cancellation.By != "rider" {
		t.Errorf("canceled as %+v", v.Cancellation)
	}
	s.settles()
	if p := s.paid(); p.Captured != 500 || p.OpenHold {
		t.Errorf("the provider captured %d, open hold %v; want the fee of 500 and none", p.Captured, p.OpenHold)
	}
}

func TestAnEarlyCancellationReleasesTheHold(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.settles()
	alice.commands(booked.ID, "cancel", `{"reason":"changed my mind"}`)
	s.settles()
	if v := alice.sees(booked.ID, booking.Canceled); v.Payment.State != booking.PaymentIsVoided {
		t.Errorf("the payment is %s, want voided", v.Payment.State)
	}
	if p := s.paid(); p.Captured != 0 || p.OpenHold {
		t.Errorf("the provider captured %d, open hold %v; want nothing", p.Captured, p.OpenHold)
	}
}

// The rider cancels while nobody knows yet what the provider did.
func TestACancellationDuringAnUnclearPaymentHoldsNothing(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice := s.rider("alice")
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.world.Provider.Script(gatewaytest.Confirm, gatewaytest.LostAfter())
	for range 3 {
		s.world.Provider.Script(gatewaytest.Retrieve, gatewaytest.LostBefore())
	}
	s.relaysOnce()
	alice.commands(booked.ID, "cancel", `{"reason":"changed my mind"}`)
	s.settles()
	if v := alice.sees(booked.ID, booking.Canceled); v.Payment.State != booking.PaymentIsAbandoned {
		t.Errorf("the payment is %s, want abandoned", v.Payment.State)
	}
	if p := s.paid(); p.OpenHold {
		t.Error("the provider still holds the fare")
	}
}

// relaysOnce runs every function once.
func (s *story) relaysOnce() {
	s.Helper()
	if err := s.world.Step(s.Context()); err != nil {
		s.Fatal(err)
	}
}

func TestOpsAbortARide(t *testing.T) {
	t.Parallel()
	s := tell(t)
	alice, otto := s.rider("alice"), s.ops()
	_, booked := alice.requests("key-1", "pm_card_visa")
	s.settles()
	otto.commands(booked.ID, "abort", `{"reason":"double booked","fee":{"amount":300,"currency":"EUR"}}`)
	s.settles()
	v := alice.sees(booked.ID, booking.Canceled)
	if v.Cancellation.By != "ops" || v.Payment.Captured.Amount != 300 {
		t.Errorf("canceled by %s, captured %d; want ops and 300", v.Cancellation.By, v.Payment.Captured.Amount)
	}
}
