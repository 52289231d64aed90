package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/deadletters"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

type dlqCommand struct {
	List    dlqListCommand    `cmd:"" help:"List dead letters, and what is wrong with each."`
	Show    dlqShowCommand    `cmd:"" help:"Show one dead letter as a whole."`
	Redrive dlqRedriveCommand `cmd:"" help:"Send dead letters to where they came from."`
	Purge   dlqPurgeCommand   `cmd:"" help:"Delete dead letters."`
}

// Help explains what the one-line help leaves open.
func (dlqCommand) Help() string {
	return `Messages end here that their function could not handle in five attempts, or a thousand for those of
rebuilds: those that name nothing, and those that met a bug. A redrive is harmless at any age and however often it is repeated, because a
message only says where to look. While it is looked at, a letter is out of others' sight for up to 5 minutes.

The queues relay and publisher have what these functions gave up or could not read of the log's stream. None of it can be sent
again: see what is wrong, have the views audited or the events published (hail audit, hail publish), and purge it.`
}

// deadQueues are the queues that have dead letters, and the outputs of the stack with the URLs of both.
// A queue of what was given up has no source, and a stack without an event bus none of the publisher's.
var deadQueues = [...]struct {
	name, source, dead string
	optional           bool
}{
	{name: "payments", source: "PaymentsQueueUrl", dead: "PaymentsDeadLetterQueueUrl"},
	{name: "projection", source: "ProjectionQueueUrl", dead: "ProjectionDeadLetterQueueUrl"},
	{name: deadletters.Rebuild, source: "RebuildQueueUrl", dead: "RebuildDeadLetterQueueUrl"},
	{name: deadletters.Relay, dead: "RelayFailureQueueUrl"},
	{name: deadletters.Publisher, dead: "PublisherFailureQueueUrl", optional: true},
}

// lettersFlags choose dead letters.
type lettersFlags struct {
	stackFlag
	Queue     string        `help:"Whose dead letters: ${enum}." enum:"payments,projection,rebuild,relay,publisher,all" default:"all"`
	Booking   string        `help:"Only those about this booking." placeholder:"ID"`
	Reason    string        `help:"Only those with this in their reason." placeholder:"TEXT"`
	OlderThan time.Duration `help:"Only those sent longer ago, for instance 48h." placeholder:"DURATION"`
}

func (f lettersFlags) filter(now time.Time, ids ...string) deadletters.Filter {
	filter := deadletters.Filter{IDs: ids, Booking: booking.ID(f.Booking), Reason: f.Reason}
	if f.OlderThan > 0 {
		filter.Before = now.Add(-f.OlderThan)
	}
	return filter
}

// desk returns where to work on the dead letters of the chosen queues.
func (f lettersFlags) desk(ctx context.Context) (deadletters.Desk, []deadletters.Queue, error) {
	s, err := f.open(ctx)
	if err != nil {
		return deadletters.Desk{}, nil, err
	}
	var queues []deadletters.Queue
	for _, q := range deadQueues {
		if f.Queue != "all" && f.Queue != q.name {
			continue
		}
		dead, err := s.output(q.dead)
		if err != nil && q.optional && f.Queue == "all" {
			continue
		}
		var source string
		if err == nil && q.source != "" {
			source, err = s.output(q.source)
		}
		if err != nil {
			return deadletters.Desk{}, nil, err
		}
		queues = append(queues, deadletters.Queue{Name: q.name, Source: source, Dead: dead})
	}
	exists := func(ctx context.Context, id booking.ID) (bool, error) {
		b, err := s.load(ctx, id)
		return b.State.Exists(), err
	}
	return deadletters.Desk{SQS: sqs.NewFromConfig(s.config), Exists: exists}, queues, nil
}

// walk shows the chosen letters of all chosen queues to visit.
func (f lettersFlags) walk(a *app, ids []string, visit func(deadletters.Desk, deadletters.Queue, deadletters.Letter) (bool, error)) error {
	desk, queues, err := f.desk(a.ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		err := desk.Walk(a.ctx, q, f.filter(a.now(), ids...), func(l deadletters.Letter) (bool, error) { return visit(desk, q, l) })
		if err != nil {
			return err
		}
	}
	return nil
}

type dlqListCommand struct {
	lettersFlags
}

func (c dlqListCommand) Run(a *app) error {
	letters, err := c.find(a)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(letters)
	}
	return a.showLetters(letters)
}

// find returns the chosen letters and leaves them where they are.
func (f lettersFlags) find(a *app, ids ...string) ([]deadletters.Letter, error) {
	letters := []deadletters.Letter{}
	err := f.walk(a, ids, func(_ deadletters.Desk, _ deadletters.Queue, l deadletters.Letter) (bool, error) {
		letters = append(letters, l)
		return false, nil
	})
	return letters, err
}

func (a *app) showLetters(letters []deadletters.Letter) error {
	if len(letters) == 0 {
		_, err := fmt.Fprintln(a.stdout, "There are no such dead letters.")
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MESSAGE\tQUEUE\tAGE\tABOUT\tREASON")
	for _, l := range letters {
		about := string(l.Stream)
		if about == "" {
			about = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.ID, l.Queue, a.now().Sub(l.SentAt).Round(time.Second), about, l.Reason)
	}
	return table.Flush()
}

type dlqShowCommand struct {
	stackFlag
	Message string `arg:"" help:"Id of the message." placeholder:"MESSAGE"`
}

// shownLetter is a letter with what is in it.
type shownLetter struct {
	deadletters.Letter
	Body string `json:"body"`
}

func (c dlqShowCommand) Run(a *app) error {
	letters, err := lettersFlags{stackFlag: c.stackFlag, Queue: "all"}.find(a, c.Message)
	if err != nil {
		return err
	}
	if len(letters) == 0 {
		return fmt.Errorf("there is no dead letter %s", c.Message)
	}
	l := letters[0]
	if a.json {
		return a.printJSON(shownLetter{l, l.Body})
	}
	_, err = fmt.Fprintf(a.stdout, "message   %s\nqueue     %s\nsent      %s\nreceived  %d times since it is here\nreason    %s\nbody      %s\n",
		l.ID, l.Queue, l.SentAt.Format(time.RFC3339), l.Receives, l.Reason, l.Body)
	return err
}

// takeFlags choose dead letters to take away.
type takeFlags struct {
	lettersFlags
	Messages []string `arg:"" optional:"" help:"Ids of the messages." placeholder:"MESSAGE"`
	All      bool     `help:"All of them, where nothing else chooses."`
	DryRun   bool     `help:"Only say what would be done." xor:"sure" required:""`
	Yes      bool     `help:"Do it." xor:"sure" required:""`
	Rate     float64  `help:"The most messages per second." default:"20" placeholder:"N"`
}

// Validate refuses what would take more than was meant.
func (f takeFlags) Validate() error {
	chosen := len(f.Messages) > 0 || f.Booking != "" || f.Reason != "" || f.OlderThan > 0
	switch {
	case chosen && f.All:
		return errors.New("--all contradicts a choice")
	case !chosen && !f.All:
		return errors.New("say which: message ids, --booking, --reason, --older-than, or --all")
	case f.Rate <= 0:
		return errors.New("--rate must be above zero")
	}
	return nil
}

type (
	dlqRedriveCommand struct{ takeFlags }
	dlqPurgeCommand   struct{ takeFlags }
)

// Run redrives from every chosen queue that letters can go back to.
func (c dlqRedriveCommand) Run(a *app) error {
	return c.take(a, "redriven", deadletters.Desk.Redrive, func(q deadletters.Queue) bool { return q.Source != "" || c.Queue != "all" })
}

func (c dlqPurgeCommand) Run(a *app) error {
	return c.take(a, "deleted", deadletters.Desk.Purge, func(deadletters.Queue) bool { return true })
}

// taken is the outcome of a redrive or a purge as JSON.
type taken struct {
	DryRun  bool                 `json:"dry_run"`
	Letters []deadletters.Letter `json:"letters"`
}

func (f takeFlags) take(a *app, done string, act func(deadletters.Desk, context.Context, deadletters.Queue, deadletters.Letter) error, from func(deadletters.Queue) bool) error {
	out := taken{DryRun: f.DryRun, Letters: []deadletters.Letter{}}
	progress := progress{to: a.stderr, now: a.now, what: done}
	err := f.walk(a, f.Messages, func(d deadletters.Desk, q deadletters.Queue, l deadletters.Letter) (bool, error) {
		if !from(q) {
			return false, nil
		}
		if f.DryRun {
			out.Letters = append(out.Letters, l)
			return false, nil
		}
		if err := act(d, a.ctx, q, l); err != nil {
			return false, err
		}
		out.Letters = append(out.Letters, l)
		progress.show(len(out.Letters))
		return true, resilience.Sleep(a.ctx, time.Duration(float64(time.Second)/f.Rate))
	})
	return errors.Join(err, f.report(a, done, out))
}

func (f takeFlags) report(a *app, done string, out taken) error {
	switch {
	case a.json:
		return a.printJSON(out)
	case !f.DryRun:
		_, err := fmt.Fprintf(a.stdout, "%d %s.\n", len(out.Letters), done)
		return err
	}
	if err := a.showLetters(out.Letters); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%d would be %s; --yes does it.\n", len(out.Letters), done)
	return err
}

// progress writes a line a second.
type progress struct {
	to   io.Writer
	now  func() time.Time
	what string
	last time.Time
}

func (p *progress) show(n int) {
	if now := p.now(); now.Sub(p.last) >= time.Second {
		p.last = now
		fmt.Fprintf(p.to, "%d %s …\n", n, p.what)
	}
}
