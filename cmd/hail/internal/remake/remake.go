package remake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Options of a run.
type Options struct {
	API   string // base URL
	Rider string // access token
	// Bookings there are before it begins, made by so many Clients at once.
	Bookings, Clients int
	// Rest is how long a client waits between two requests while the views are made.
	Rest time.Duration
	// Look is how often the state is looked at, Patience how long each of rebuild and
	// audit may take.
	Look, Patience time.Duration

	Rebuild func(context.Context) error
	Audit   func(context.Context) error
	State   func(context.Context) (rebuild.State, error)
	// DeadLetters returns how many messages lie in each dead-letter queue.
	DeadLetters func(context.Context) (map[string]int, error)
}

// Report is the outcome of a run.
type Report struct {
	smoke.Report
	// Booked and Looked count what was asked meanwhile.
	Booked int64 `json:"booked"`
	Looked int64 `json:"looked"`
}

type run struct {
	Options
	out    io.Writer
	report Report
	rider  api.Client
	key    string

	booked, looked atomic.Int64
	mu             sync.Mutex
	known          []string // bookings
	failures       []error
}

// errTooLong is a rebuild or an audit that did not end.
var errTooLong = errors.New("it did not end in time")

// Run goes through all of it and writes what comes of each step on out as it ends.
func Run(ctx context.Context, o Options, out io.Writer) (Report, error) {
	r := &run{Options: o, out: out, rider: api.Client{Base: o.API, Token: o.Rider}, key: rand.Text()}
	r.check(ctx, fmt.Sprintf("%d bookings are made", o.Bookings), func() error {
		r.side(ctx, func() bool { return r.booked.Load() < int64(o.Bookings) }, 0, r.book)
		return r.failed()
	})
	before, err := r.State(ctx)
	if err != nil {
		return r.report, err
	}
	r.booked.Store(0)
	r.meanwhile(ctx, func() {
		r.check(ctx, "all views are made anew", func() error { return r.rebuilt(ctx, before) })
	})
	r.report.Booked, r.report.Looked = r.booked.Load(), r.looked.Load()
	r.check(ctx, fmt.Sprintf("meanwhile %d bookings were made and %d read, and none failed", r.report.Booked, r.report.Looked), func() error {
		if r.report.Booked == 0 || r.report.Looked == 0 {
			return errors.New("nobody booked, or nobody looked")
		}
		return r.failed()
	})
	r.check(ctx, "an audit finds no view that differs from the log", func() error { return r.audited(ctx) })
	r.check(ctx, "no dead letters", func() error { return smoke.NoDeadLetters(ctx, r.DeadLetters) })
	return r.report, context.Cause(ctx)
}

// side lets clients do something again and again, for as long as more says so.
func (r *run) side(ctx context.Context, more func() bool, rest time.Duration, do func(context.Context)) {
	var clients sync.WaitGroup
	for range r.Clients {
		clients.Go(func() {
			for more() && ctx.Err() == nil {
				do(ctx)
				_ = resilience.Sleep(ctx, rest) // more looks at ctx
			}
		})
	}
	clients.Wait()
}

// meanwhile lets riders book and look until what is to be done is done.
func (r *run) meanwhile(ctx context.Context, do func()) {
	var over atomic.Bool
	var riders sync.WaitGroup
	for _, ask := range []func(context.Context){r.book, r.look} {
		riders.Go(func() { r.side(ctx, func() bool { return !over.Load() }, r.Rest, ask) })
	}
	do()
	over.Store(true)
	riders.Wait()
}

// book makes one booking. It is never repeated: whoever has to ask twice has noticed
// something.
func (r *run) book(ctx context.Context) {
	key := r.key + "-" + strconv.FormatInt(r.booked.Add(1), 10)
	var made api.Booking
	err := r.ask(ctx, api.Request{Method: http.MethodPost, Path: "/v1/bookings", Key: key, Body: api.SampleRequest()}, http.StatusCreated, &made)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failures = append(r.failures, fmt.Errorf("book: %w", err))
		return
	}
	r.known = append(r.known, made.ID)
}

// look reads a booking of before, by itself and in the rider's list.
func (r *run) look(ctx context.Context) {
	n := int(r.looked.Add(1))
	r.mu.Lock()
	id := r.known[n%len(r.known)]
	r.mu.Unlock()
	var b api.Booking
	var list struct {
		Items []api.Booking `json:"items"`
	}
	err := r.ask(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + id}, http.StatusOK, &b)
	if err == nil && b.ID != id {
		err = fmt.Errorf("%q in the answer for %s", b.ID, id)
	}
	if err == nil {
		err = r.ask(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings?limit=20"}, http.StatusOK, &list)
	}
	if err == nil && len(list.Items) == 0 {
		err = errors.New("the rider's list is empty")
	}
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failures = append(r.failures, fmt.Errorf("look: %w", err))
	}
}

func (r *run) ask(ctx context.Context, request api.Request, want int, into any) error {
	response, err := r.rider.Do(ctx, request)
	if err == nil {
		err = response.Err(want)
	}
	if err == nil {
		err = response.Decode(into)
	}
	return err
}

// failed returns what riders noticed so far, if anything.
func (r *run) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) == 0 {
		return nil
	}
	return fmt.Errorf("%d requests failed, first %w", len(r.failures), r.failures[0])
}

// rebuilt asks for a rebuild and waits for its end.
func (r *run) rebuilt(ctx context.Context, before rebuild.State) error {
	if err := r.Rebuild(ctx); err != nil {
		return err
	}
	var phase rebuild.Phase
	began := time.Now()
	s, err := r.until(ctx, func(s rebuild.State) bool {
		if s.Rebuild != nil && s.Rebuild.Phase != phase {
			phase = s.Rebuild.Phase
			fmt.Fprintf(r.out, "      %6s  %s\n", time.Since(began).Round(time.Second), phase)
		}
		return phase == rebuild.Done || phase == rebuild.Refused
	})
	switch {
	case err != nil:
		return err
	case phase == rebuild.Refused || s.Rebuild.Aborted || s.Active == before.Active:
		return fmt.Errorf("projection %d is read, as before: the new one is %s, with %d differences", s.Active, phase, s.Rebuild.Checked.Differences)
	case s.Rebuild.Built.Streams < int64(r.Bookings):
		return fmt.Errorf("%d bookings are in it; want %d or more", s.Rebuild.Built.Streams, r.Bookings)
	}
	return nil
}

func (r *run) audited(ctx context.Context) error {
	over := func(s rebuild.State) bool { return s.Audit == nil || s.Audit.Phase == rebuild.Done }
	err := r.Audit(ctx)
	if errors.Is(err, rebuild.ErrRefused) { // the daily one is under way
		if _, err := r.until(ctx, over); err != nil {
			return err
		}
		err = r.Audit(ctx)
	}
	if err != nil {
		return err
	}
	s, err := r.until(ctx, over)
	if err != nil {
		return err
	}
	if c := s.Audit.Counts; c.Differences > 0 || c.Streams < int64(r.Bookings) {
		return fmt.Errorf("%d differences, first %+v, among %d bookings", c.Differences, s.Audit.Findings, c.Streams)
	}
	return nil
}

// until waits for a state.
func (r *run) until(ctx context.Context, reached func(rebuild.State) bool) (rebuild.State, error) {
	for deadline := time.Now().Add(r.Patience); ; _ = resilience.Sleep(ctx, r.Look) {
		s, err := r.State(ctx)
		switch {
		case err != nil:
			return s, err
		case reached(s):
			return s, nil
		case ctx.Err() != nil || time.Now().After(deadline):
			return s, errors.Join(errTooLong, ctx.Err())
		}
	}
}

func (r *run) check(ctx context.Context, name string, do func() error) {
	r.report.Check(ctx, r.out, name, do)
}
