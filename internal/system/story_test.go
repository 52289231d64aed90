package system_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/system"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// story is a world with the words to tell what happens in it.
type story struct {
	*testing.T
	world *system.World
}

func tell(t *testing.T) *story {
	t.Helper()
	world, err := system.New(func() time.Time { return noon }, func() float64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	return &story{T: t, world: world}
}

func (s *story) settles() {
	s.Helper()
	if err := s.world.Settle(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// rider is somebody with a phone.
type rider struct {
	*story
	name string
}

func (s *story) rider(name string) *rider { return &rider{story: s, name: name} }

func (r *rider) calls(method, path, body string, headers map[string]string) *httptest.ResponseRecorder {
	r.Helper()
	req := httptest.NewRequestWithContext(httpapi.WithRequest(r.Context(), httpapi.Request{
		ID: "req-1", Caller: &httpapi.Caller{Caller: booking.Caller{Issuer: "https://issuer.example", Subject: r.name}},
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
	if v.Cancellation == nil || v.Cancellation.Reason != booking.ReasonPaymentDeclined || v.Cancellation.Fee.Amount != 0 {
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
	alice.sees(booked.ID, booking.Confirmed)
}
