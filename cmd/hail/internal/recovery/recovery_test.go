package recovery_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/recovery"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/paysim"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

// idle is a stack that books and confirms, and on which nothing ever mends itself.
type idle struct {
	*testing.T
	bookings *booking.Service
	views    readmodeltest.Memory
	tariff   booking.Tariff
}

func (s *idle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/bookings" { // a command, which is taken and does nothing
		return
	}
	at := time.Now().UTC().Truncate(time.Millisecond)
	id := booking.IDFor(booking.Caller{Subject: "rider"}, r.Header.Get("Idempotency-Key"))
	sample := api.SampleRequest()
	request := booking.Request{At: at, RiderID: booking.Caller{Subject: "rider"}.RiderID(), Product: sample.Product, Tariff: s.tariff, Trip: booking.Trip{
		Pickup: booking.Place{Lat: sample.Pickup.Lat, Lng: sample.Pickup.Lng}, Dropoff: booking.Place{Lat: sample.Dropoff.Lat, Lng: sample.Dropoff.Lng},
		PaymentMethod: sample.PaymentMethod,
	}}
	out, err := s.bookings.Create(r.Context(), id, request, booking.Envelope{CommandID: "1", Actor: "rider", At: at})
	if err == nil {
		out, err = s.records(r.Context(), out, "2", booking.RecordPaymentStarted{At: at, Ref: "pi_1", Group: 1})
	}
	if err == nil {
		held := booking.Money{Amount: out.State.Fare.Amount * 5 / 4, Currency: out.State.Fare.Currency}
		out, err = s.records(r.Context(), out, "3", booking.RecordAuthorization{At: at, Ref: "pi_1", Amount: held, CaptureBefore: at.AddDate(0, 0, 7)})
	}
	if err == nil {
		err = s.views.Put(r.Context(), readmodel.ViewOf(out.State))
	}
	if err != nil {
		s.Error(err)
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"id": id})
}

func (s *idle) records(ctx context.Context, b booking.Outcome, id string, c booking.Command) (booking.Outcome, error) {
	return s.bookings.ExecuteAt(ctx, b.History, c, booking.Envelope{CommandID: id, Actor: booking.ActorPayment, At: time.Now().UTC()})
}

// SendBodies implements rebuild.Queue.
func (*idle) SendBodies(context.Context, [][]byte) ([]int, error) { return nil, nil }

// Not one check passes where nothing is done.
func TestNothingMendsItselfUnnoticed(t *testing.T) {
	t.Parallel()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	s := &idle{T: t, tariff: tariff, bookings: &booking.Service{
		Store: eventstest.NewMemory(events.NewStamp), Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client := api.Client{Base: server.URL}
	var report smoke.Report
	recovery.Run(t.Context(), recovery.Stack{
		Rider: client, Dispatch: client, Bookings: s.bookings,
		Views:   func(int) readmodel.Ledger { return &s.views },
		Control: &controltest.Memory{}, Deferred: &deferraltest.Memory{}, Walks: s,
		Sweep:        func(context.Context) error { return nil },
		Faults:       func(context.Context, paysim.Plan) error { return nil },
		CancelByHand: func(context.Context, string) error { return nil },
		Patience:     100 * time.Millisecond,
	}, &report, io.Discard)
	if report.Passed != 0 || report.Failed != 7 {
		t.Errorf("got %+v", report)
	}
}
