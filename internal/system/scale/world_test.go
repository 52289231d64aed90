package scale_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// hurry is how much faster the clocks of functions run than the test's: a rebuild waits
// minutes between its phases.
const hurry = 20

// world is the read side on real tables.
type world struct {
	*testing.T
	db      dynamolocal.DB
	began   time.Time
	log     *dynamoevents.Store
	catalog *dynamoevents.Catalog
	control control.Store
	rides   readmodeltest.Rides
}

func newWorld(t *testing.T) *world {
	t.Helper()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	db := dynamolocal.New(t)
	tables := dynamoevents.Tables{Events: db.Tables.Events, Leases: db.Tables.Control}
	w := &world{
		T: t, db: db, began: time.Now(),
		log:     dynamoevents.New(db.Client, tables, events.NewStamp),
		catalog: dynamoevents.NewCatalog(db.Client, tables),
		control: dynamocontrol.New(db.Client, db.Tables.Control),
	}
	w.rides = readmodeltest.Rides{Bookings: w.service(), Tariff: tariff, At: w.began.UTC().Truncate(time.Millisecond)}
	return w
}

// now is the time by the clocks of functions.
func (w *world) now() time.Time { return w.began.Add(hurry * time.Since(w.began)) }

func (w *world) in(projection int) readmodel.Ledger {
	return dynamoview.New(w.db.Client, w.db.Tables.Views, projection)
}

func (w *world) service() *booking.Service {
	return &booking.Service{Store: w.log, Backoff: booking.RaceBackoff(rand.Float64), Sleep: resilience.Sleep, Log: slog.New(slog.DiscardHandler)}
}

// live is the store of views of one environment: each keeps its own pointer.
func (w *world) live() *readmodel.Live {
	return &readmodel.Live{Pointer: &readmodel.Pointer{Control: w.control, Now: w.now}, In: w.in}
}

// api is one environment of the booking function.
func (w *world) api() http.Handler {
	return (&httpapi.API{
		Bookings: w.service(), Views: w.live(), Tariff: w.rides.Tariff, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Payments:  func(context.Context) resilience.State { return resilience.Closed },
		CursorKey: func(context.Context) ([]byte, error) { return []byte("the key of a world that is not real"), nil },
		Release:   hailstone.Release, Spec: hailstone.OpenAPI,
	}).Handler()
}

func (w *world) worker() *rebuild.Worker {
	return &rebuild.Worker{
		Log: w.log, Catalog: w.catalog, In: w.in, Control: w.control, Now: time.Now, Sleep: resilience.Sleep, Parallel: parallel,
	}
}

// What the rebuild function has, and a rebuild by default.
const (
	parallel = 16
	segments = rebuild.DefaultSegments
)

func bookingID(n int) booking.ID {
	return booking.IDFor(booking.Caller{Issuer: "https://issuer.example", Subject: "somebody"}, fmt.Sprint("ride-", n))
}

// commitsOfRide is how far rides are that are made beforehand: 5 commits with 6 events,
// from the request until the driver is there.
const commitsOfRide = 5

// ride makes rides, each up to the same commit.
func (w *world) ride(from, n int) []booking.ID {
	w.Helper()
	ids := make([]booking.ID, n)
	each(w.T, n, func(ctx context.Context, i int) error {
		ids[i] = bookingID(from + i)
		for c := range commitsOfRide {
			if err := w.rides.Advance(ctx, ids[i], c); err != nil {
				return err
			}
		}
		return nil
	})
	return ids
}

// each calls do for 0 to n-1, as many at a time as a rebuild has workers. The first
// error ends the test.
func each(t *testing.T, n int, do func(ctx context.Context, i int) error) {
	t.Helper()
	var group sync.WaitGroup
	slots := make(chan struct{}, segments)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := do(t.Context(), i); err != nil {
				t.Error(err)
			}
		})
		if t.Failed() {
			break
		}
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
