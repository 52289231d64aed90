package readmodeltest

import (
	"context"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// Rides moves bookings on, one commit at a time, as a deployment would: for tests that
// need streams of real events.
type Rides struct {
	Bookings *booking.Service
	Tariff   booking.Tariff
	// At is when it all happens.
	At time.Time
}

// RiderOf returns whose booking Advance makes: one of about a thousand riders.
func RiderOf(id booking.ID) booking.Caller {
	return booking.Caller{Issuer: "https://issuer.example", Subject: "rider-" + string(id[3:5])}
}

// Commits is how many commits a whole ride has.
const Commits = 8

// Advance appends the commit of a booking that comes after n others. Twice the same is
// once.
func (r Rides) Advance(ctx context.Context, id booking.ID, n int) error {
	envelope := booking.Envelope{CommandID: fmt.Sprint("step-", n), Actor: booking.ActorPayment, At: r.At}
	ref, driver := "pi_"+string(id), "driver-of-"+string(id)
	quote := r.Tariff.Quote("standard", pickup, dropoff)
	var err error
	switch n {
	case 0:
		_, err = r.Bookings.Create(ctx, id, booking.Request{
			At: r.At, RiderID: RiderOf(id).RiderID(), Product: "standard", Tariff: r.Tariff,
			Trip: booking.Trip{Pickup: pickup, Dropoff: dropoff, PaymentMethod: "pm_card_visa"},
		}, envelope)
	default:
		_, err = r.Bookings.Execute(ctx, id, []booking.Command{
			1: booking.RecordPaymentStarted{At: r.At, Ref: ref, Group: 1},
			2: booking.RecordAuthorization{At: r.At, Ref: ref, Amount: r.Tariff.Hold(quote.Fare), CaptureBefore: r.At.Add(7 * 24 * time.Hour)},
			3: booking.Assign{At: r.At, DriverID: driver},
			4: booking.Arrive{At: r.At},
			5: booking.Start{At: r.At},
			6: booking.Complete{At: r.At, DistanceM: 3000, DurationS: 600},
			7: booking.RecordCapture{At: r.At, Ref: ref, Amount: booking.Money{Amount: 1000, Currency: quote.Fare.Currency}},
		}[n], envelope)
	}
	if err != nil {
		return fmt.Errorf("commit %d of %s: %w", n+1, id, err)
	}
	return nil
}

var (
	pickup  = booking.Place{Lat: 52.5219, Lng: 13.4132, Label: "Alexanderplatz"}
	dropoff = booking.Place{Lat: 52.5163, Lng: 13.3777, Label: "Brandenburger Tor"}
)
