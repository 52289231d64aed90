package readmodel_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

// world is a log and the views of it.
type world struct {
	*testing.T
	log       *eventstest.Memory
	views     *readmodeltest.Memory
	bookings  *booking.Service
	projector *readmodel.Projector
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, log: eventstest.NewMemory(events.NewStamp), views: &readmodeltest.Memory{}}
	w.bookings = &booking.Service{
		Store: w.log, Backoff: booking.RaceBackoff(func() float64 { return 0 }),
		Sleep: func(context.Context, time.Duration) error { return nil },
	}
	w.projector = &readmodel.Projector{Log: w.log, Views: w.views}
	return w
}

// requests makes the booking.
func (w *world) requests() booking.Outcome {
	w.Helper()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		w.Fatal(err)
	}
	out, err := w.bookings.Create(w.Context(), id, booking.Request{
		At: start, RiderID: requested.RiderID, Trip: requested.Personal, Product: "standard", Tariff: near(tariff),
	}, booking.Envelope{CommandID: "rq_1", Actor: booking.ActorRider, At: start})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// near makes a tariff whose rides may go around the world.
func near(t booking.Tariff) booking.Tariff {
	t.MaxDistance = 1 << 40
	return t
}

func (w *world) does(name string, c booking.Command) booking.Outcome {
	w.Helper()
	out, err := w.bookings.Execute(w.Context(), id, c, booking.Envelope{CommandID: name, Actor: booking.ActorPayment, At: start})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) projects(want booking.State) {
	w.Helper()
	v, err := w.projector.Project(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	if diff := cmp.Diff(readmodel.ViewOf(want), v.View); diff != "" {
		w.Errorf("the projected view (-want +got):\n%s", diff)
	}
	w.shows(want)
}

func (w *world) shows(want booking.State) {
	w.Helper()
	stored, ok, err := w.views.Get(w.Context(), id)
	if err != nil || !ok {
		w.Fatalf("the view: there is one: %v, error: %v", ok, err)
	}
	view := readmodel.ViewOf(want)
	view.AssignBy, view.Deadline = time.Time{}, time.Time{} // order lists, and are no part of the JSON
	if diff := cmp.Diff(view, stored); diff != "" {
		w.Errorf("the stored view (-want +got):\n%s", diff)
	}
}

func (w *world) showsNothing() {
	w.Helper()
	if v, ok, err := w.views.Get(w.Context(), id); ok || err != nil {
		w.Errorf("there is a view %+v (%v), want none", v, err)
	}
}

func TestAViewIsTheFoldOfItsStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.requests()
	w.projects(made.State)
	w.projects(made.State) // twice is once
	started := w.does("started", booking.RecordPaymentStarted{At: start, Ref: "pi_1", Group: 1})
	w.shows(made.State) // nobody looked since
	w.projects(started.State)
	w.projects(w.does("authorized", booking.RecordAuthorization{At: start, Ref: "pi_1", Amount: started.State.Hold, CaptureBefore: start}).State)
}

// A projection that was slow, and folded less, changes nothing that is newer.
func TestASlowProjectionChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.requests()
	slow := &readmodel.Projector{Log: &pausedLog{Store: w.log, loaded: func() {
		w.projects(w.does("started", booking.RecordPaymentStarted{At: start, Ref: "pi_1", Group: 1}).State)
	}}, Views: w.views}
	v, err := slow.Project(t.Context(), id)
	if err != nil || v.Version != 1 {
		t.Fatalf("the slow one projected version %d (%v), want 1", v.Version, err)
	}
	if now, _, err := w.views.Get(t.Context(), id); err != nil || now.Version != 2 {
		t.Errorf("the view is at version %d (%v), want 2", now.Version, err)
	}
}

// pausedLog is a log after whose reads something happens.
type pausedLog struct {
	events.Store
	loaded func()
}

func (p *pausedLog) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	h, err := p.Store.Load(ctx, id)
	p.loaded()
	return h, err
}

func TestManyProjectAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.requests()
	done := w.does("started", booking.RecordPaymentStarted{At: start, Ref: "pi_1", Group: 1})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := w.projector.Project(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.shows(done.State)
}

func TestAStreamThatIsEmptyIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.projector.Project(t.Context(), id); !errors.Is(err, readmodel.ErrNoStream) {
		t.Errorf("project: %v, want ErrNoStream", err)
	}
	w.showsNothing()
}

// A newer build stored it; after the deployment the same message will do.
func TestAnEventThatIsNotKnownYetIsAnError(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]events.Event{
		"of a new type":   {Type: "RideShared", Schema: 1, Data: []byte(`{}`)},
		"of a new schema": {Type: booking.TypePaymentStarted, Schema: 2, Data: []byte(`{}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			made := w.requests()
			w.projects(made.State)
			if _, err := w.log.Append(t.Context(), made.History.Position(), events.Draft{CommandID: "x", Events: []events.Event{e}, RecordedAt: start}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.projector.Project(t.Context(), id); !errors.Is(err, booking.ErrUnknownEvent) {
				t.Errorf("project: %v, want ErrUnknownEvent", err)
			}
			w.shows(made.State)
		})
	}
}

func TestAFailureOfEitherStoreIsPassedOn(t *testing.T) {
	t.Parallel()
	t.Run("of the log", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.requests()
		for _, want := range []error{events.ErrUnavailable, events.ErrCorrupt} {
			w.projector.Log = brokenLog{err: fmt.Errorf("load: %w", want)}
			if _, err := w.projector.Project(t.Context(), id); !errors.Is(err, want) {
				t.Errorf("project: %v, want %v", err, want)
			}
		}
		w.showsNothing()
	})
	t.Run("of the views", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.requests()
		w.projector.Views = brokenViews{}
		if _, err := w.projector.Project(t.Context(), id); !errors.Is(err, readmodel.ErrUnavailable) {
			t.Errorf("project: %v, want ErrUnavailable", err)
		}
	})
}

type brokenLog struct {
	events.Store
	err error
}

func (b brokenLog) Load(context.Context, events.StreamID) (events.History, error) {
	return events.History{}, b.err
}

type brokenViews struct{ readmodel.Store }

func (brokenViews) Put(context.Context, readmodel.View) error { return readmodel.ErrUnavailable }
