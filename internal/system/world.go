package system

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

// World is one deployment in memory. It is not safe for concurrent use, apart
// from API.
type World struct {
	API      http.Handler
	Log      *tail
	Views    *readmodeltest.Memory
	Provider *gatewaytest.Fake
	// Outage, if set, decides about calls to the provider that no script decides about.
	Outage func(gatewaytest.Call) gatewaytest.Fault
	// Breaker is what all functions share of the breaker before the provider.
	Breaker fleettest.Memory
	// Waiting is the payment work that was put off.
	Waiting deferraltest.Memory

	relay      *relay.Relay
	projector  *readmodel.Projector
	worker     *deferral.Worker
	deferred   *deferral.Pass
	projection *mailbox
	owed       *mailbox
}

// New returns an empty world whose clocks all show now().
func New(now func() time.Time, random func() float64) (*World, error) {
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		return nil, err
	}
	w := &World{
		Log:        &tail{Store: eventstest.NewMemory(events.NewStamp)},
		Views:      &readmodeltest.Memory{},
		projection: &mailbox{}, owed: &mailbox{},
	}
	w.Provider = gatewaytest.NewFake(gatewaytest.Config{Now: now, Fault: func(c gatewaytest.Call) gatewaytest.Fault {
		if w.Outage == nil {
			return gatewaytest.Fault{}
		}
		return w.Outage(c)
	}})
	log := slog.New(slog.DiscardHandler)
	breaker, err := fleet.New(&w.Breaker, fleet.Defaults(payments.BreakerRules(now, random)))
	if err != nil {
		return nil, err
	}
	bookings := &booking.Service{Store: w.Log, Backoff: booking.RaceBackoff(random), Sleep: resilience.Sleep, Log: log}
	w.API = (&httpapi.API{
		Bookings: bookings, Views: w.Views, Tariff: tariff, Now: now,
		Payments: breaker.State, Notices: httpapi.Notices{Parse: plainNotice, Hints: w.owed},
		Log: log, CursorKey: func(context.Context) ([]byte, error) { return []byte("the key of a world that is not real"), nil },
		Release: hailstone.Release, Spec: hailstone.OpenAPI,
	}).Handler()
	w.relay = &relay.Relay{Projection: w.projection, Payments: w.owed}
	w.projector = &readmodel.Projector{Log: w.Log, Views: w.Views}
	guard, err := payments.NewGuard(w.Provider, breaker, now, random)
	if err != nil {
		return nil, err
	}
	keys := 0
	processor := &payments.Processor{
		Bookings: bookings, Gateway: guard, Now: now,
		NewKey: func() string { keys++; return fmt.Sprint("fresh-", keys) }, Log: log,
	}
	w.worker = &deferral.Worker{
		Payments: processor, Bookings: bookings, Items: &w.Waiting, Now: now, First: deferral.FirstDelay(random), Log: log,
	}
	w.deferred = &deferral.Pass{
		Items: &w.Waiting, Bookings: bookings, Queue: w.owed, Breaker: breaker, Callers: 5, Now: now, Next: deferral.NextDelay(random), Log: log,
	}
	return w, nil
}

// maxRounds bounds Settle: a world that is still busy then never ends.
const maxRounds = 100

// Settle lets the functions run until nothing is left to be done: every commit
// relayed, every queue empty. Failed messages come back, as SQS brings them; work that
// was put off waits for Sweep.
func (w *World) Settle(ctx context.Context) error {
	for range maxRounds {
		if err := w.Step(ctx); err != nil {
			return err
		}
		if w.Log.idle() && w.projection.empty() && w.owed.empty() {
			return nil
		}
	}
	return fmt.Errorf("still busy after %d rounds: projection queue %d, payments queue %d",
		maxRounds, len(w.projection.messages), len(w.owed.messages))
}

// Step lets every function run once on what is there for it.
func (w *World) Step(ctx context.Context) error {
	if _, err := w.relay.Forward(ctx, w.Log.take()); err != nil {
		return err
	}
	w.projection.deliver(ctx, func(ctx context.Context, d queue.Delivery) error {
		id, ok := booking.IDOf(d.Stream)
		if !ok {
			return queue.ErrMalformed
		}
		_, err := w.projector.Project(ctx, id)
		return err
	})
	w.owed.deliver(ctx, w.worker.Handle)
	return nil
}

// Sweep lets the sweeper bring back a portion of the payment work that was put off.
func (w *World) Sweep(ctx context.Context) error {
	_, err := w.deferred.Run(ctx)
	return err
}

// Owe puts a message on the payments queue, as an operator does who brings it back.
func (w *World) Owe(id string, body []byte) {
	w.owed.messages = append(w.owed.messages, queue.Message{ID: id, Body: body})
}

// plainNotice reads a notice of this world's provider, which signs nothing.
func plainNotice(_ context.Context, body []byte, _ string) (n payments.Notice, err error) {
	return n, json.Unmarshal(body, &n)
}

// mailbox is a queue in memory.
type mailbox struct {
	messages []queue.Message
	sent     int
}

// Send implements queue.Sender.
func (m *mailbox) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	for i, h := range hints {
		body, err := h.Encode()
		if err != nil {
			return []int{i}, err
		}
		m.sent++
		m.messages = append(m.messages, queue.Message{ID: fmt.Sprint("m-", m.sent), Body: body})
	}
	return nil, nil
}

// Backlog implements deferral.Queue.
func (m *mailbox) Backlog(context.Context) (int, error) { return len(m.messages), nil }

func (m *mailbox) empty() bool { return len(m.messages) == 0 }

// deliver hands over everything that is there now; what fails stays.
func (m *mailbox) deliver(ctx context.Context, handle func(context.Context, queue.Delivery) error) {
	batch := m.messages
	m.messages = nil
	for i := range batch {
		batch[i].Receives++
	}
	failed := map[string]bool{}
	for _, f := range queue.Process(ctx, batch, 1, handle) {
		failed[f.ID] = true
	}
	for _, message := range batch {
		if failed[message.ID] {
			m.messages = append(m.messages, message)
		}
	}
}
