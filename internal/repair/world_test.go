package repair_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/repair"
)

var start = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// world is a log with its views and what the passes leave behind, on a clock of its
// own. Nobody projects but who is asked to.
type world struct {
	*testing.T
	now     time.Time
	log     *eventstest.Memory
	views   readmodeltest.Memory
	items   deferraltest.Memory
	control controltest.Memory
	tariff  booking.Tariff
	service *booking.Service
	logged  bytes.Buffer

	sent []queue.Hint
	// overdue is what was told last of the longest overdue, longRides of long rides.
	overdue   time.Duration
	longRides int
	// What fails, until it is mended.
	sendFails, listFails, viewsFail error
	loadFails                       map[events.StreamID]error
	// between does something before each page of the first commits.
	between func(q events.FirstsQuery)
	// rival does something just before a control document is written, once.
	rival func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, now: start, log: eventstest.NewMemory(events.NewStamp), tariff: tariff, loadFails: map[events.StreamID]error{}}
	w.service = &booking.Service{
		Store: logOf{w.log, w}, Backoff: booking.RaceBackoff(func() float64 { return 0 }),
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, Log: w.logger(),
	}
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&w.logged, nil)) }

func (w *world) debts() repair.Debts { return repair.Debts{Work: &w.items, Now: w.clock} }

func (w *world) deadlines() *repair.Deadlines {
	return &repair.Deadlines{
		List: lists{w}, Bookings: w.service, Debts: w.debts(), Projection: w, Control: documents{w}, Now: w.clock, Log: w.logger(),
		Tell: func(_ context.Context, longest time.Duration) { w.overdue = longest },
	}
}

func (w *world) countsRides() error {
	w.Helper()
	w.longRides = -1
	return w.run(&repair.LongRides{
		List: lists{w}, Bookings: w.service, Now: w.clock, Log: w.logger(), Tell: func(_ context.Context, n int) { w.longRides = n },
	})
}

func (w *world) firsts() *repair.Firsts {
	return &repair.Firsts{
		Commits: firstCommits{w}, Views: lists{w}, Projection: w, Debts: w.debts(), Bookings: w.service, Control: documents{w}, Now: w.clock, Log: w.logger(),
	}
}

// run lets a pass have turns until it wants no more before the next minute.
func (w *world) run(p interface {
	Run(context.Context) (time.Time, error)
},
) error {
	w.Helper()
	for range 100 {
		again, err := p.Run(w.Context())
		if err != nil || again.IsZero() {
			return err
		}
	}
	w.Fatal("a pass wants to go on for ever")
	return nil
}

func id(n int) booking.ID { return deferraltest.ID(n) }

// rides is how bookings of now get on.
func (w *world) rides() readmodeltest.Rides {
	return readmodeltest.Rides{Bookings: w.service, Tariff: w.tariff, At: w.now}
}

// books requests bookings and takes each of them some commits far.
func (w *world) books(commits int, numbers ...int) {
	w.Helper()
	for _, n := range numbers {
		for step := range commits {
			if err := w.rides().Advance(w.Context(), id(n), step); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// projects brings the views of bookings up to date.
func (w *world) projects(numbers ...int) {
	w.Helper()
	for _, n := range numbers {
		b, err := w.service.Load(w.Context(), id(n))
		if err == nil {
			err = w.views.Put(w.Context(), readmodel.ViewOf(b.State))
		}
		if err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) state(n int) booking.State {
	w.Helper()
	b, err := w.service.Load(w.Context(), id(n))
	if err != nil {
		w.Fatal(err)
	}
	return b.State
}

// hinted returns whose views were asked for, in order, and forgets it.
func (w *world) hinted() []booking.ID {
	var ids []booking.ID
	for _, h := range w.sent {
		if one, ok := booking.IDOf(h.Stream); ok {
			ids = append(ids, one)
		}
	}
	w.sent = nil
	slices.Sort(ids)
	return ids
}

// owing returns whose payments somebody will look at.
func (w *world) owing() []booking.ID {
	var ids []booking.ID
	for _, item := range w.items.Items() {
		ids = append(ids, item.Booking)
		if item.Reason != deferral.NeverTried || item.Attempts != 0 {
			w.Errorf("the item is %+v", item)
		}
	}
	slices.Sort(ids)
	return ids
}

func (w *world) says(text string) bool { return strings.Contains(w.logged.String(), text) }

// Send implements queue.Sender.
func (w *world) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	if w.sendFails != nil {
		return []int{0}, w.sendFails
	}
	w.sent = append(w.sent, hints...)
	return nil, nil
}

// lists are the views as the passes read them.
type lists struct{ *world }

// Overdue implements repair.DeadlineList.
func (l lists) Overdue(ctx context.Context, q readmodel.OverdueQuery) ([]readmodel.Place, readmodel.Place, error) {
	if l.listFails != nil {
		return nil, readmodel.Place{}, l.listFails
	}
	return l.views.Overdue(ctx, q)
}

// Records implements repair.StoredViews.
func (l lists) Records(ctx context.Context, ids []booking.ID) (map[booking.ID]readmodel.Record, error) {
	if l.viewsFail != nil {
		return nil, l.viewsFail
	}
	return l.views.Records(ctx, ids)
}

// firstCommits are the first commits, between whose pages something can happen.
type firstCommits struct{ *world }

// Firsts implements repair.FirstCommits.
func (f firstCommits) Firsts(ctx context.Context, q events.FirstsQuery) ([]events.First, events.First, error) {
	if f.between != nil {
		f.between(q)
	}
	return f.log.Firsts(ctx, q)
}

// logOf is the log, of which some streams cannot be read.
type logOf struct {
	events.Store
	*world
}

// Load implements events.Store.
func (l logOf) Load(ctx context.Context, s events.StreamID) (events.History, error) {
	if err := l.loadFails[s]; err != nil {
		return events.History{}, fmt.Errorf("load %s: %w", s, err)
	}
	return l.Store.Load(ctx, s)
}

// documents are the control documents, at which another sweeper can be faster.
type documents struct{ *world }

// Get implements control.Store.
func (d documents) Get(ctx context.Context, name string) (control.Document, error) {
	return d.control.Get(ctx, name)
}

// Put implements control.Store.
func (d documents) Put(ctx context.Context, name string, doc control.Document) error {
	if f := d.rival; f != nil {
		d.rival = nil
		f()
	}
	return d.control.Put(ctx, name, doc)
}

var errAway = errors.New("away")
