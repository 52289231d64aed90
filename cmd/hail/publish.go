package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/relay"
	"github.com/hailstone-rides/hailstone/internal/relay/eventbridgebus"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

type publishCommand struct {
	stackFlag
	From   time.Time  `required:"" help:"Of which commits: those recorded from then on (2026-11-23T08:00:00Z)." placeholder:"TIME"`
	Until  *time.Time `help:"And before then (default: now)." placeholder:"TIME"`
	DryRun bool       `help:"Only count them."`
}

// Help explains what the one-line help leaves open.
func (publishCommand) Help() string {
	return `The way back after an outage of the bus that was longer than the log's stream keeps its records: the log
still has them. It reads all of the log, so it takes a while and costs what an audit does. Consumers take what they know
already for what it is, a repeat: so it is harmless to begin too early, to end too late, and to do it again. It needs
dynamodb:Scan on the events table and events:PutEvents on the bus.`
}

func (c publishCommand) Run(a *app) error {
	s, err := c.open(a.ctx)
	if err != nil {
		return err
	}
	r, err := s.republication()
	if err != nil {
		return err
	}
	if r.from, r.until = c.From, a.now(); c.Until != nil {
		r.until = *c.Until
	}
	if !c.DryRun {
		if r.forward, err = s.publisher(); err != nil {
			return err
		}
	}
	failed := r.run(a.ctx)
	if a.json {
		return errors.Join(failed, a.printJSON(map[string]int{"commits": r.commits, "unreadable": r.unreadable}))
	}
	_, err = fmt.Fprintf(a.stdout, "%d commits, %d unreadable\n", r.commits, r.unreadable)
	return errors.Join(failed, err)
}

// republication returns one of the stack's log that has no time yet, and only counts.
func (s stack) republication() (republication, error) {
	table, err := s.output("EventsTableName")
	log := dynamoevents.NewCatalog(dynamodb.NewFromConfig(s.config), dynamoevents.Tables{Events: table})
	return republication{log: log, sleep: resilience.Sleep}, err
}

// publisher publishes on the stack's bus what the stack's own publisher would.
func (s stack) publisher() (func(context.Context, []relay.Record) (int, error), error) {
	bus, err := s.output("EventBusArn")
	if err != nil {
		return nil, fmt.Errorf("%w, or has no event bus", err)
	}
	return (&relay.Publisher{Bus: eventbridgebus.New(eventbridge.NewFromConfig(s.config), bus, s.name)}).Forward, nil
}

// republication publishes once more what the log has of a time.
type republication struct {
	log interface {
		Walk(context.Context, events.WalkQuery) ([]events.Commit, events.Cursor, error)
	}
	forward     func(context.Context, []relay.Record) (int, error) // nil only counts
	from, until time.Time
	sleep       func(context.Context, time.Duration) error

	commits, unreadable int // so far
}

// errUnreadable is what is left when all else was published.
var errUnreadable = errors.New("commits that cannot be read were left out")

func (r *republication) run(ctx context.Context) error {
	q := events.WalkQuery{Segments: 1}
	for {
		page, next, err := r.log.Walk(ctx, q)
		if err != nil {
			return err
		}
		if err := r.publish(ctx, r.wanted(page)); err != nil {
			return err
		}
		if next == (events.Cursor{}) {
			break
		}
		q.After = next
	}
	if r.unreadable > 0 {
		return errUnreadable
	}
	return nil
}

// wanted returns the commits of the time that is asked for, as the stream showed them.
func (r *republication) wanted(page []events.Commit) []relay.Record {
	var records []relay.Record
	for _, c := range page {
		switch {
		case len(c.Events) == 0:
			r.unreadable++
		case !c.RecordedAt.Before(r.from) && c.RecordedAt.Before(r.until):
			record := relay.Record{Stream: c.Stream, Last: c.Last()}
			for _, e := range c.Events {
				record.EventTypes = append(record.EventTypes, e.Type)
			}
			records = append(records, record)
		}
	}
	return records
}

// attempts are how often in a row the bus may take nothing; so long are the pauses
// between, twice as long each time.
const (
	attempts   = 6
	firstPause = time.Second
)

func (r *republication) publish(ctx context.Context, records []relay.Record) error {
	if r.forward == nil {
		r.commits += len(records)
		return nil
	}
	for failed := 0; len(records) > 0; {
		at, err := r.forward(ctx, records)
		if err == nil {
			at = len(records)
		}
		if at > 0 {
			failed = 0
		}
		r.commits += at
		records = records[at:]
		if err == nil {
			return nil
		}
		if failed++; failed == attempts {
			return fmt.Errorf("%w (nothing is lost by beginning anew)", err)
		}
		if err := r.sleep(ctx, firstPause<<(failed-1)); err != nil {
			return err
		}
	}
	return nil
}
