package rebuild_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

var start = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// world is a log, its projections, a director and workers, on a clock of its own.
type world struct {
	*testing.T
	mu          sync.Mutex // workers handle bookings side by side
	now         time.Time
	random      *rand.Rand
	log         *eventstest.Memory
	control     *controltest.Memory
	projections map[int]*readmodeltest.Memory
	tasks       []rebuild.Task
	rides       readmodeltest.Rides
	live        *readmodel.Live
	director    *rebuild.Director
	worker      *rebuild.Worker

	// kill is how likely any call of a worker fails, as if it were killed there.
	kill float64
	// sendFails makes the director's next messages get lost.
	sendFails bool
}

var errKilled = errors.New("killed")

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		T: t, now: start, random: rand.New(rand.NewPCG(seed, 1)), log: eventstest.NewMemory(events.NewStamp),
		control: &controltest.Memory{}, projections: map[int]*readmodeltest.Memory{},
	}
	now := func() time.Time { return w.now }
	sleep := func(ctx context.Context, d time.Duration) error { w.now = w.now.Add(d); return ctx.Err() }
	w.rides = readmodeltest.Rides{
		Bookings: &booking.Service{Store: w.log, Backoff: booking.RaceBackoff(func() float64 { return 0 }), Sleep: sleep},
		Tariff:   tariff, At: start.Add(-24 * time.Hour),
	}
	w.live = &readmodel.Live{Pointer: &readmodel.Pointer{Control: w.control, Now: now}, In: w.in}
	w.director = &rebuild.Director{Control: w.control, Tasks: w, Now: now, Wait: rebuild.Wait}
	w.worker = &rebuild.Worker{Log: dying{Memory: w.log, world: w}, Catalog: dying{Memory: w.log, world: w}, In: w.dyingIn, Control: dyingControl{w}, Now: now, Sleep: sleep, Page: 3}
	return w
}

func (w *world) in(n int) readmodel.Ledger { return w.ledger(n) }

func (w *world) ledger(n int) *readmodeltest.Memory {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.projections[n] == nil {
		w.projections[n] = &readmodeltest.Memory{}
	}
	return w.projections[n]
}

// SendBodies implements rebuild.Queue.
func (w *world) SendBodies(_ context.Context, bodies [][]byte) ([]int, error) {
	if w.sendFails {
		w.sendFails = false
		return nil, errKilled
	}
	for i, body := range bodies {
		task, err := rebuild.ParseTask(body)
		if err != nil {
			return []int{i}, err
		}
		w.tasks = append(w.tasks, task)
	}
	return nil, nil
}

// dies says whether a worker's call is its last.
func (w *world) dies() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.random.Float64() < w.kill {
		return errKilled
	}
	return nil
}

// dying is the log of a worker that may be killed at any call.
type dying struct {
	*eventstest.Memory
	world *world
}

func (d dying) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	if err := d.world.dies(); err != nil {
		return events.History{}, err
	}
	return d.Memory.Load(ctx, id)
}

func (d dying) Walk(ctx context.Context, q events.WalkQuery) ([]events.Commit, events.Cursor, error) {
	if err := d.world.dies(); err != nil {
		return nil, events.Cursor{}, err
	}
	return d.Memory.Walk(ctx, q)
}

type dyingLedger struct {
	readmodel.Ledger
	world *world
}

func (w *world) dyingIn(n int) readmodel.Ledger { return dyingLedger{w.ledger(n), w} }

func (d dyingLedger) Put(ctx context.Context, v readmodel.View) error {
	if err := d.world.dies(); err != nil {
		return err
	}
	return d.Ledger.Put(ctx, v)
}

func (d dyingLedger) Drop(ctx context.Context, id booking.ID) error {
	if err := d.world.dies(); err != nil {
		return err
	}
	return d.Ledger.Drop(ctx, id)
}

type dyingControl struct{ *world }

func (d dyingControl) Get(ctx context.Context, id string) (control.Document, error) {
	return d.control.Get(ctx, id)
}

func (d dyingControl) Put(ctx context.Context, id string, doc control.Document) error {
	if err := d.dies(); err != nil {
		return err
	}
	return d.control.Put(ctx, id, doc)
}

// books makes n bookings, moves each on by commits, and projects them.
func (w *world) books(n int) []booking.ID {
	w.Helper()
	ids := make([]booking.ID, n)
	for i := range ids {
		ids[i] = booking.IDFor(booking.Caller{Subject: w.Name()}, fmt.Sprint(i))
		for commit := range 1 + i%6 {
			w.moves(ids[i], commit)
		}
		w.projects(ids[i])
	}
	return ids
}

func (w *world) moves(id booking.ID, commit int) {
	w.Helper()
	if err := w.rides.Advance(w.Context(), id, commit); err != nil {
		w.Fatal(err)
	}
}

func (w *world) projects(id booking.ID) {
	w.Helper()
	if _, err := (&readmodel.Projector{Log: w.log, Views: w.live}).Project(w.Context(), id); err != nil {
		w.Fatal(err)
	}
}

func (w *world) state() rebuild.State {
	w.Helper()
	s, _, err := rebuild.ReadState(w.Context(), w.control)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// sweeps lets a minute pass and the director run.
func (w *world) sweeps() {
	w.Helper()
	w.now = w.now.Add(time.Minute)
	if _, err := w.director.Run(w.Context()); err != nil && !errors.Is(err, errKilled) {
		w.Fatal(err)
	}
}

// works delivers every message once; those whose work is not done stay.
func (w *world) works() {
	w.Helper()
	batch := w.tasks
	w.tasks = nil
	w.random.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	for _, task := range batch {
		slice := time.Duration(w.random.IntN(3)) * time.Second
		done, err := w.worker.Work(w.Context(), task, w.now.Add(slice))
		if err != nil && !errors.Is(err, errKilled) {
			w.Fatal(err)
		}
		if !done {
			w.tasks = append(w.tasks, task)
		}
	}
}

// until lets time pass, and do between the steps, until the rebuild is in a phase.
func (w *world) until(p rebuild.Phase, do func()) {
	w.Helper()
	const endless = 2000
	for range endless {
		if s := w.state(); s.Rebuild.Phase == p {
			return
		}
		w.sweeps()
		w.works()
		if do != nil {
			do()
		}
	}
	w.Fatalf("the rebuild never gets %s: %+v, run %+v", p, w.state().Rebuild, w.state().Run)
}

// sent lets time pass until there are messages for workers.
func (w *world) sent() {
	w.Helper()
	const endless = 100
	for range endless {
		if w.sweeps(); len(w.tasks) > 0 {
			return
		}
	}
	w.Fatalf("no messages are sent: %+v", w.state())
}

func (w *world) starts(hold bool) {
	w.Helper()
	if err := rebuild.Start(w.Context(), w.control, w.now, rebuild.Plan{Segments: 3}, hold); err != nil {
		w.Fatal(err)
	}
}

// equals checks that a projection is the fold of the log, byte for byte.
func (w *world) equals(n int) {
	w.Helper()
	want := map[booking.ID]readmodel.Record{}
	commits, _, err := w.log.Walk(w.Context(), events.WalkQuery{Segments: 1})
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range commits {
		id, _ := booking.IDOf(c.Stream)
		h, err := w.log.Load(w.Context(), c.Stream)
		if err != nil {
			w.Fatal(err)
		}
		s, err := booking.StateOf(h)
		if err != nil {
			w.Fatal(err)
		}
		if want[id], err = readmodel.RecordOf(readmodel.ViewOf(s)); err != nil {
			w.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, w.stored(n)); diff != "" {
		w.Errorf("projection %d (-fold +stored):\n%s", n, diff)
	}
}

func (w *world) stored(n int) map[booking.ID]readmodel.Record {
	w.Helper()
	ids, _, err := w.ledger(n).Walk(w.Context(), readmodel.Segment{Of: 1}, "", 1_000_000)
	if err != nil {
		w.Fatal(err)
	}
	slices.Sort(ids)
	records, err := w.ledger(n).Records(w.Context(), ids)
	if err != nil {
		w.Fatal(err)
	}
	return records
}

// owed collects the bookings that a worker asks about.
type owed struct {
	mu  sync.Mutex
	ids []booking.ID
}

func (o *owed) look(_ context.Context, s booking.State) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ids = append(o.ids, s.ID)
	return nil
}
