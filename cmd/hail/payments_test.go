package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/sqsfake"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// operated is a stack with queues, which an operator works on.
type operated struct {
	*sqsfake.Server
	db  dynamolocal.DB
	dir string // of the instance
}

func newOperated(t *testing.T) operated {
	t.Helper()
	db, server := dynamolocal.New(t), sqsfake.New(t, time.Now())
	account := newAccountOf(t, db, map[string]string{
		"ControlTableName": db.Tables.Control, "EventsTableName": db.Tables.Events, "ViewsTableName": db.Tables.Views, "RelayFunctionName": "relay",
		"PaymentsQueueUrl": server.Queue("payments"), "PaymentsDeadLetterQueueUrl": server.Queue("payments-dead"),
		"ProjectionQueueUrl": server.Queue("projection"), "ProjectionDeadLetterQueueUrl": server.Queue("projection-dead"),
		"RebuildQueueUrl": server.Queue("rebuild"), "RebuildDeadLetterQueueUrl": server.Queue("rebuild-dead"),
		"RelayFailureQueueUrl": server.Queue("relay-dead"),
	}, server)
	return operated{server, db, account.instance(t)}
}

// hail runs a command on the stack and expects its exit code.
func (o operated) hail(t *testing.T, want int, args ...string) (stdout string) {
	t.Helper()
	code, stdout, stderr := hail(t, append(args, "--dir", o.dir)...)
	if code != want {
		t.Fatalf("hail %s: %d, %q, %q; want %d", strings.Join(args, " "), code, stdout, stderr, want)
	}
	return stdout
}

// books makes a booking, whose payment is then owed.
func (o operated) books(t *testing.T, key string) booking.ID {
	t.Helper()
	id := booking.IDFor(booking.Caller{Subject: t.Name()}, key)
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	service := &booking.Service{Store: dynamoevents.New(o.db.Client, dynamoevents.Tables{Events: o.db.Tables.Events}, events.NewStamp)}
	_, err = service.Create(t.Context(), id, booking.Request{
		RiderID: booking.Caller{Subject: "rider"}.RiderID(), Product: "standard", Tariff: tariff, At: time.Now().UTC().Truncate(time.Millisecond),
		Trip: booking.Trip{
			Pickup: booking.Place{Lat: 52.52, Lng: 13.41}, Dropoff: booking.Place{Lat: 52.5, Lng: 13.3}, PaymentMethod: "pm_card_visa",
		},
	}, booking.Envelope{CommandID: booking.CreateCommandID, Actor: "rider", At: time.Now().UTC().Truncate(time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestPendingPaymentsAreListed(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	if stdout := o.hail(t, exitOK, "payments", "pending"); stdout != "No payment waits.\n" {
		t.Errorf("%q", stdout)
	}
	if stdout := o.hail(t, exitOK, "--json", "payments", "pending"); stdout != "[]\n" {
		t.Errorf("%q", stdout)
	}
	items := dynamodeferral.New(o.db.Client, o.db.Tables.Control)
	at := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Hour)
	first, second := booking.IDFor(booking.Caller{}, "1"), booking.IDFor(booking.Caller{}, "2")
	for _, wish := range []deferral.Deferral{
		{Booking: second, Operation: payments.Capture, Reason: deferral.BreakerOpen, At: at, First: at.Add(3 * time.Hour)},
		{Booking: first, Reason: deferral.ReceivedAgain, Reconcile: true, At: at.Add(-time.Minute), First: at},
		{Booking: second, Operation: payments.Capture, Reason: "refused: api_key_expired", At: at, First: at},
	} {
		if err := items.Defer(t.Context(), wish); err != nil {
			t.Fatal(err)
		}
	}
	var got []waiting
	if err := json.Unmarshal([]byte(o.hail(t, exitOK, "--json", "payments", "pending")), &got); err != nil {
		t.Fatal(err)
	}
	want := []waiting{
		{Booking: first, Reason: "received_again", Reconcile: true, Attempts: 1, Since: at.Add(-time.Minute), Next: at},
		{Booking: second, Operation: "capture", Reason: "refused: api_key_expired", Attempts: 2, Since: at, Next: at.Add(3 * time.Hour)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
	lines := strings.Split(o.hail(t, exitOK, "payments", "pending"), "\n")
	for i, want := range []string{
		`^BOOKING +OPERATION +WAITS FOR +ATTEMPTS +NEXT IN +WHY$`,
		`^` + string(first) + ` +\(reconcile\) +1h1m\S+ +1 +now +received_again$`,
		`^` + string(second) + ` +capture +1h0m\S+ +2 +(2h0m0s|1h59m\d+s) +refused: api_key_expired$`,
	} {
		if !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("line %d: %q, want %s", i+1, lines[i], want)
		}
	}
}

func TestABookingIsReconciledByAHint(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	id := o.books(t, "1")
	if stdout := o.hail(t, exitOK, "reconcile", string(id)); !strings.Contains(stdout, "will be reconciled. It is at version 1, its payment pending.") {
		t.Errorf("%q", stdout)
	}
	o.hail(t, exitOK, "--json", "reconcile", string(id))
	sent := o.Messages("payments")
	if len(sent) != 2 {
		t.Fatalf("sent %+v", sent)
	}
	want := queue.NewHint(id.Stream(), 1, "")
	want.Reconcile = true
	for _, m := range sent {
		if h, err := queue.Parse([]byte(m.Body)); err != nil || h != want {
			t.Errorf("sent %s (%v)", m.Body, err)
		}
	}
	for _, other := range []string{"bk_1", string(booking.IDFor(booking.Caller{}, "nobody's"))} {
		o.hail(t, exitFailed, "reconcile", other)
	}
}
