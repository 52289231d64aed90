package system_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/toolbox"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// ledger is a deployment on DynamoDB Local whose every step is metered.
type ledger struct {
	*testing.T
	meter     *meter
	now       time.Time
	api       http.Handler
	log       events.Store
	projector *readmodel.Projector
	processor *payments.Processor
	bookings  *booking.Service
	items     deferral.Store
	provider  *counted
	rows      [][]string
	total     consumption
	keys      int
}

// counted counts the calls that a usual ride makes to the payment provider.
type counted struct {
	payments.Gateway
	calls []string
}

func (c *counted) Create(ctx context.Context, order payments.Order, key string) (payments.Payment, error) {
	c.calls = append(c.calls, "create")
	return c.Gateway.Create(ctx, order, key)
}

func (c *counted) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	c.calls = append(c.calls, "confirm")
	return c.Gateway.Confirm(ctx, ref, key)
}

func (c *counted) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	c.calls = append(c.calls, "retrieve")
	return c.Gateway.Retrieve(ctx, ref)
}

func (c *counted) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	c.calls = append(c.calls, "capture")
	return c.Gateway.Capture(ctx, ref, amount, key)
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{T: t, meter: &meter{}, now: noon}
	db := dynamolocal.New(t, l.meter.option(t))
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	now, log := func() time.Time { return l.now }, slog.New(slog.DiscardHandler)
	l.log = dynamoevents.New(db.Client, dynamoevents.Tables{Events: db.Tables.Events, Leases: db.Tables.Control}, events.NewStamp)
	views := dynamoview.New(db.Client, db.Tables.Views, readmodel.FirstProjection)
	bookings := &booking.Service{Store: l.log, Backoff: booking.RaceBackoff(func() float64 { return 0 }), Sleep: resilience.Sleep, Log: log}
	l.api = (&httpapi.API{
		Bookings: bookings, Views: views, Tariff: tariff, Now: now, Log: log, Release: hailstone.Release, Spec: hailstone.OpenAPI,
		CursorKey: func(context.Context) ([]byte, error) { return []byte("the key of a world that is not real"), nil },
	}).Handler()
	l.projector = &readmodel.Projector{Log: l.log, Views: views}
	l.provider = &counted{Gateway: gatewaytest.NewFake(gatewaytest.Config{Now: now})}
	l.processor = &payments.Processor{
		Bookings: bookings, Gateway: l.provider, Now: now,
		NewKey: func() string { l.keys++; return fmt.Sprint("fresh-", l.keys) }, Log: log,
	}
	l.bookings, l.items = bookings, dynamodeferral.New(db.Client, db.Tables.Control)
	return l
}

// Names of the length that the identity provider and the gateway give.
const (
	subject = "7d0f3a52-5a2f-4a3c-9b52-2f6b2c1f0e11"
	trace   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// calls sends a request, expects it to succeed, and returns the booking of the
// answer, if it is one.
func (l *ledger) calls(method, path, body string) readmodel.View {
	l.Helper()
	l.keys++
	tracing := events.Trace{CorrelationID: "f2Xb9h0OliAEMNw=", Traceparent: trace}
	req := httptest.NewRequestWithContext(httpapi.WithRequest(l.Context(), httpapi.Request{
		ID: "f2Xb9h0OliAEMNw=", Trace: tracing,
		Caller: &httpapi.Caller{
			Caller: booking.Caller{Issuer: "https://issuer.example", Subject: subject}, Roles: []string{httpapi.RoleDispatch, httpapi.RoleOps},
		},
	}), method, path, strings.NewReader(body))
	if method == http.MethodPost {
		req.Header.Set("Idempotency-Key", fmt.Sprint("key-", l.keys))
		req.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	l.api.ServeHTTP(w, req)
	if w.Code/100 != 2 {
		l.Fatalf("%s %s was answered with %d: %s", method, path, w.Code, w.Body)
	}
	v, err := readmodel.Decode(w.Body.Bytes())
	if err != nil {
		return readmodel.View{} // a list
	}
	return v
}

// notes adds what was consumed since the last note as a row.
func (l *ledger) notes(step string) {
	l.Helper()
	c, calls := l.meter.take()
	l.total = l.total.plus(c)
	l.rows = append(l.rows, []string{step, units(c.writes), units(c.reads), calls})
}

func units(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func (l *ledger) projects(id booking.ID, step string) {
	l.Helper()
	if _, err := l.projector.Project(l.Context(), id); err != nil {
		l.Fatal(err)
	}
	l.notes(step)
}

// pays lets the payment function work.
func (l *ledger) pays(id booking.ID, step string) {
	l.Helper()
	if _, err := l.processor.Process(l.Context(), id, events.Trace{CausationID: "5fea7756-0ea4-451a-a703-a558b933e274", Traceparent: trace}); err != nil {
		l.Fatal(err)
	}
	l.notes(step)
}

// paused is a provider before whose confirmations something happens.
type paused struct {
	payments.Gateway
	before func()
}

func (p paused) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	p.before()
	return p.Gateway.Confirm(ctx, ref, key)
}

const wanted = `{
	"pickup": {"lat": 52.5219, "lng": 13.4132, "label": "Alexanderplatz"},
	"dropoff": {"lat": 52.5163, "lng": 13.3777, "label": "Brandenburger Tor"},
	"product": "standard", "payment_method": "pm_card_visa"}`

func (l *ledger) requests(step, body string) booking.ID {
	l.Helper()
	id := l.calls(http.MethodPost, "/v1/bookings", body).ID
	l.notes(step)
	return id
}

func (l *ledger) commands(id booking.ID, step, command, body string) {
	l.Helper()
	l.now = l.now.Add(3 * time.Minute)
	l.calls(http.MethodPost, "/v1/bookings/"+string(id)+"/"+command, body)
	l.notes(step)
}

// confirms takes a booking from nothing to confirmed. Every commit is projected by
// itself, which is the dearest way: hints that come together cost one write.
func (l *ledger) confirms() booking.ID {
	l.Helper()
	id := l.requests("request a ride", wanted)
	l.projects(id, "its view")
	gateway := l.processor.Gateway
	l.processor.Gateway = paused{gateway, func() {
		l.notes("name the payment")
		l.projects(id, "its view")
	}}
	l.pays(id, "authorize, confirm")
	l.processor.Gateway = gateway
	l.projects(id, "its view")
	return id
}

// rides takes a booking from confirmed to captured.
func (l *ledger) rides(id booking.ID) {
	l.Helper()
	for _, step := range [][2]string{
		{"assign", `{"driver_id":"d-1"}`}, {"arrive", ``}, {"start", ``}, {"complete", `{"distance_m":3300,"duration_s":480}`},
	} {
		l.commands(id, step[0], step[0], step[1])
		l.projects(id, "its view")
	}
	l.pays(id, "capture")
	l.projects(id, "its view")
}

type counter int

func (c *counter) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	*c += counter(len(hints))
	return nil, nil
}

// costs returns the text of docs/COSTS.md.
func costs(t *testing.T) string {
	t.Helper()
	root, err := toolbox.FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "docs", "COSTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// says expects a sentence in docs/COSTS.md.
func says(t *testing.T, sentence string) {
	t.Helper()
	if !strings.Contains(costs(t), sentence) {
		t.Errorf("docs/COSTS.md does not say: %s", sentence)
	}
}

// table returns the rows of the table below a heading of docs/COSTS.md, without
// those of its head.
func table(t *testing.T, heading string) [][]string {
	t.Helper()
	_, section, ok := strings.Cut(costs(t), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/COSTS.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	const head = 2
	if len(rows) <= head {
		t.Fatalf("section %q of docs/COSTS.md has no table", heading)
	}
	return rows[head:]
}

// documents compares what was metered with a table of docs/COSTS.md.
func (l *ledger) documents(heading string) {
	l.Helper()
	if diff := cmp.Diff(l.rows, table(l.T, heading)); diff != "" {
		var markdown strings.Builder
		for _, row := range l.rows {
			fmt.Fprintf(&markdown, "| %s |\n", strings.Join(row, " | "))
		}
		l.Errorf("docs/COSTS.md, section %q (-metered +docs):\n%s\nmetered:\n%s", heading, diff, &markdown)
	}
}

// What a ride costs in the store, step by step, is what docs/COSTS.md says.
func TestTheCostsOfARide(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	id := l.confirms()
	confirmed := l.total
	l.rows = append(l.rows, []string{"**confirmed**", "**" + units(confirmed.writes) + "**", "**" + units(confirmed.reads) + "**", ""})
	hintsToConfirmed := l.counts(id)
	l.rides(id)
	captured := l.total
	l.rows = append(l.rows, []string{"**captured**", "**" + units(captured.writes) + "**", "**" + units(captured.reads) + "**", ""})
	l.documents("A ride in the store")
	says(t, fmt.Sprintf("A captured ride is %d calls of the payment provider: %s.", len(l.provider.calls), strings.Join(l.provider.calls, ", ")))

	const requestsToConfirmed, requestsToCaptured = 1, 5
	l.bills(confirmed, hintsToConfirmed, requestsToConfirmed, 1)
	l.bills(captured, l.counts(id), requestsToCaptured, 2)
}

// What everything else costs is what docs/COSTS.md says.
func TestTheCostsOfTheRest(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	metered := [][]string{}
	// keep notes the last row alone, under its name.
	keep := func(names ...string) {
		t.Helper()
		last := l.rows[len(l.rows)-len(names):]
		for i, name := range names {
			last[i][0] = name
		}
		metered = append(metered, last...)
	}
	long := strings.NewReplacer("Alexanderplatz", strings.Repeat("a", 120), "Brandenburger Tor", strings.Repeat("b", 120)).Replace(wanted)
	id := l.requests("", long)
	keep("request, with labels of 120 characters")
	l.projects(id, "")

	id = l.confirms()
	l.commands(id, "", "cancel", `{"reason":"found my bicycle"}`)
	l.projects(id, "")
	l.pays(id, "")
	keep("cancel before a driver comes", "its view", "void")

	id = l.confirms()
	l.commands(id, "", "assign", `{"driver_id":"d-1"}`)
	l.projects(id, "")
	l.commands(id, "", "unassign", ``)
	l.projects(id, "")
	keep("unassign", "its view")
	l.calls(http.MethodGet, "/v1/dispatch/bookings", "")
	l.notes("")
	keep("list who waits, one of them")
	l.commands(id, "", "assign", `{"driver_id":"d-1"}`)
	l.commands(id, "", "cancel", `{"reason":"found my bicycle"}`)
	keep("cancel with a driver")

	id = l.confirms()
	l.commands(id, "", "assign", `{"driver_id":"d-2"}`)
	l.commands(id, "", "arrive", ``)
	l.now = l.now.Add(booking.NoShowAfter)
	l.commands(id, "", "no-show", ``)
	keep("no-show")
	l.pays(id, "")
	l.commands(id, "", "refund", `{"reason":"they were there"}`)
	keep("request a refund")

	id = l.confirms()
	l.commands(id, "", "abort", `{"reason":"double booked"}`)
	keep("abort")
	path := "/v1/bookings/" + string(id)
	for _, read := range [][2]string{
		{path, "read a booking"},
		{path + "?min_version=5", "read it, newer than its view"},
		{path + "?at_version=2", "read it as it was"},
		{path + "/events", "read its history"},
		{"/v1/bookings?limit=5", "list one's own, five of them"},
	} {
		l.calls(http.MethodGet, read[0], "")
		l.notes("")
		keep(read[1])
	}
	l.rows = metered
	l.documents("Everything else in the store")
}

// tally is how often a booking makes the parts of the system work, were each commit
// relayed by itself.
type tally struct{ commits, events, projection, payments int }

func (l *ledger) counts(id booking.ID) tally {
	l.Helper()
	h, err := l.log.Load(l.Context(), id.Stream())
	if err != nil {
		l.Fatal(err)
	}
	var toProjection, toPayments counter
	r := &relay.Relay{Projection: &toProjection, Payments: &toPayments}
	events := 0
	for _, c := range h.Commits() {
		rec := relay.Record{Stream: c.Stream, Last: c.Last(), Traceparent: c.Trace.Traceparent}
		for _, e := range c.Events {
			rec.EventTypes = append(rec.EventTypes, e.Type)
		}
		if _, err := r.Forward(l.Context(), []relay.Record{rec}); err != nil {
			l.Fatal(err)
		}
		events += len(c.Events)
	}
	l.meter.take()
	return tally{len(h.Commits()), events, int(toProjection), int(toPayments)}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.Trim(text, "*"), 64)
	if err != nil {
		t.Fatalf("docs/COSTS.md: %v", err)
	}
	return n
}

// bills checks the arithmetic of the bill: the quantities are those that were
// metered, and what they come to is right. stage is 1 for the column of confirmed
// bookings, 2 for that of captured ones.
func (l *ledger) bills(c consumption, n tally, requests, stage int) {
	l.Helper()
	functions := map[string]int{"booking": requests, "relay": n.commits, "projector": n.projection, "payment": n.payments}
	invocations, seconds, kilobytes := 0, 0.0, 0.0
	for _, row := range table(l.T, "What the functions do") {
		name, memory, millis, logged := row[0], number(l.T, row[1]), number(l.T, row[2]), number(l.T, row[3])
		count, known := functions[name]
		if !known || number(l.T, row[3+stage]) != float64(count) {
			l.Errorf("docs/COSTS.md: %s is invoked %s times, counted %d", name, row[3+stage], count)
		}
		invocations += count
		seconds += float64(count) * memory / 1024 * millis / 1000
		kilobytes += float64(count) * logged
		delete(functions, name)
	}
	if len(functions) > 0 {
		l.Errorf("docs/COSTS.md lacks functions: %v", functions)
	}
	const perHint = 3 // sent, received, deleted
	want := map[string]float64{
		"DynamoDB write units": c.writes, "DynamoDB read units": c.reads, "SQS requests": float64(perHint * (n.projection + n.payments)),
		"HTTP API requests": float64(requests), "Lambda requests": float64(invocations), "Lambda GB-seconds": seconds, "CloudWatch GB of logs": kilobytes / 1e6,
		"CloudWatch GB of access logs": float64(requests) * accessLine(l.T) / 1e9,
	}
	l.adds("A million bookings in dollars", want, stage)
	l.adds("With an event bus", map[string]float64{
		"EventBridge entries": float64(n.events), "Lambda requests": float64(n.commits), "Lambda GB-seconds": published * float64(n.commits), "CloudWatch GB of logs": float64(n.commits) / 1e6,
	}, stage)
}

// accessLine are the bytes that a line of the access log is billed as. internal/deploytest compares the page with the
// template's format.
func accessLine(t *testing.T) float64 {
	t.Helper()
	found := regexp.MustCompile(`A line of the access log is (\d+) bytes, of the longest route, and CloudWatch counts (\d+) more`).FindStringSubmatch(costs(t))
	if found == nil {
		t.Fatal("docs/COSTS.md does not say how long a line of the access log is")
	}
	return number(t, found[1]) + number(t, found[2])
}

// published are the GB-seconds of publishing a commit: 10 ms with 256 MB.
const published = 0.010 * 256 / 1024

// adds checks the rows and the sum of a table of prices against what was counted for a booking.
func (l *ledger) adds(heading string, want map[string]float64, stage int) {
	l.Helper()
	total := 0.0
	for _, row := range table(l.T, heading) {
		what, price, quantity, dollars := row[0], row[1], row[2*stage], number(l.T, row[2*stage+1])
		if what == "**sum**" {
			if math.Abs(dollars-total) > 0.006 {
				l.Errorf("docs/COSTS.md: the sum is %.2f, it says %.2f", total, dollars)
			}
			continue
		}
		exact, known := want[what]
		if !known || math.Abs(number(l.T, quantity)-exact) > exact*1e-4 {
			l.Errorf("docs/COSTS.md: %s %s for a booking, counted %g", quantity, what, exact)
		}
		delete(want, what)
		product := exact * 1e6 * number(l.T, price)
		if math.Abs(product-dollars) > 0.006 {
			l.Errorf("docs/COSTS.md: %s come to %.2f, it says %.2f", what, product, dollars)
		}
		total += dollars
	}
	if len(want) > 0 {
		l.Errorf("docs/COSTS.md lacks %v", want)
	}
}
