package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/queue/sqsqueue"
)

type paymentsCommand struct {
	Pending pendingCommand `cmd:"" help:"List the bookings whose payment waits, and why."`
}

type pendingCommand struct {
	stackFlag
}

// Help explains what the one-line help leaves open.
func (pendingCommand) Help() string {
	return `Payment work waits while the provider is down or undecided. The sweeper brings it back by itself, no
sooner than the time shown, and not while the breaker is open (hail breaker status). One that was done
meanwhile stays on the list until the sweeper has looked.`
}

// waiting is a deferred payment as JSON.
type waiting struct {
	Booking   booking.ID `json:"booking"`
	Operation string     `json:"operation"` // what was due when it was last looked at
	Reason    string     `json:"reason"`
	Reconcile bool       `json:"reconcile"`
	Attempts  int        `json:"attempts"`
	Since     time.Time  `json:"since"`
	Next      time.Time  `json:"next_attempt_at"`
}

func (c pendingCommand) Run(a *app) error {
	s, err := c.open(a.ctx)
	if err != nil {
		return err
	}
	table, err := s.output("ControlTableName")
	if err != nil {
		return err
	}
	list, err := pending(a.ctx, dynamodeferral.New(dynamodb.NewFromConfig(s.config), table))
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(list)
	}
	return a.showPending(list)
}

// pending returns all that waits, what waits longest first.
func pending(ctx context.Context, items deferral.Store) ([]waiting, error) {
	all, err := deferral.All(ctx, items)
	list := make([]waiting, len(all))
	for i, item := range all {
		list[i] = waiting{
			Booking: item.Booking, Operation: string(item.Operation), Reason: string(item.Reason), Reconcile: item.Reconcile,
			Attempts: item.Attempts, Since: item.Since, Next: item.Next,
		}
	}
	return list, err
}

func (a *app) showPending(list []waiting) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "No payment waits.")
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BOOKING\tOPERATION\tWAITS FOR\tATTEMPTS\tNEXT IN\tWHY")
	now := a.now()
	for _, w := range list {
		operation := w.Operation
		if w.Reconcile {
			operation += " (reconcile)"
		}
		next := "now"
		if w.Next.After(now) {
			next = w.Next.Sub(now).Round(time.Second).String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", w.Booking, operation, now.Sub(w.Since).Round(time.Second), w.Attempts, next, w.Reason)
	}
	return table.Flush()
}

type reconcileCommand struct {
	stackFlag
	Booking string `arg:"" help:"Id of the booking." placeholder:"BOOKING"`
}

// Help explains what the one-line help leaves open.
func (reconcileCommand) Help() string {
	return `Asks the payment function to compare the booking with what the payment provider has, and to record what
it finds. That is done for every event that the provider sends; use it where one got lost.`
}

func (c reconcileCommand) Run(a *app) error {
	s, err := c.open(a.ctx)
	if err != nil {
		return err
	}
	url, err := s.output("PaymentsQueueUrl")
	if err != nil {
		return err
	}
	b, err := s.load(a.ctx, booking.ID(c.Booking))
	if err != nil {
		return err
	}
	if !b.State.Exists() {
		return fmt.Errorf("%s: there is no such booking", c.Booking)
	}
	hint := queue.NewHint(b.State.ID.Stream(), b.State.Version, "")
	hint.Reconcile = true
	if _, err := sqsqueue.NewSender(sqs.NewFromConfig(s.config), url).Send(a.ctx, []queue.Hint{hint}); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(hint)
	}
	_, err = fmt.Fprintf(a.stdout, "%s will be reconciled. It is at version %d, its payment %s.\n", b.State.ID, b.State.Version, b.State.Payment.Status)
	return err
}

// load reads a booking of the stack; one that does not exist is empty.
func (s stack) load(ctx context.Context, id booking.ID) (booking.Outcome, error) {
	if !id.Valid() {
		return booking.Outcome{}, fmt.Errorf("%q is no id of a booking", id)
	}
	table, err := s.output("EventsTableName")
	if err != nil {
		return booking.Outcome{}, err
	}
	log := dynamoevents.New(dynamodb.NewFromConfig(s.config), dynamoevents.Tables{Events: table}, events.NewStamp)
	return (&booking.Service{Store: log}).Load(ctx, id)
}
