package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

type breakerCommand struct {
	Status breakerStatusCommand `cmd:"" help:"Show the breaker before the payment provider, and who ordered what."`
	Open   breakerOpenCommand   `cmd:"" help:"Stop all calls to the payment provider. Payments wait; bookings are accepted."`
	Close  breakerCloseCommand  `cmd:"" help:"Let all calls to the payment provider through, whatever comes of them."`
	Auto   breakerAutoCommand   `cmd:"" help:"Leave the breaker to itself again. It begins closed."`
}

// Help explains what the one-line help leaves open.
func (breakerCommand) Help() string {
	return `All environments of the payment function share one breaker. An order reaches all of them
within 2 seconds, and stands until the next. Orders are kept for good, with who, when and why.`
}

// desk returns the desk of the breaker before the payment provider.
func (f stackFlag) desk(a *app) (*fleet.Desk, error) {
	s, err := f.open(a.ctx)
	if err != nil {
		return nil, err
	}
	table, err := s.output("ControlTableName")
	if err != nil {
		return nil, err
	}
	return &fleet.Desk{Store: dynamobreaker.New(dynamodb.NewFromConfig(s.config), table, payments.BreakerName), Now: a.now}, nil
}

type breakerStatusCommand struct {
	stackFlag
	Orders int `help:"How many of the last orders to show." default:"1" placeholder:"N"`
}

// shownBreaker is a breaker as JSON.
type shownBreaker struct {
	Breaker  string          `json:"breaker"`
	State    string          `json:"state"` // in effect
	Mode     resilience.Mode `json:"mode"`
	Until    *time.Time      `json:"until,omitempty"` // when a resting one lets a probe through
	ProbeDue bool            `json:"probe_due"`
	Orders   []shownOrder    `json:"orders"`
}

type shownOrder struct {
	Number int64           `json:"number"`
	Mode   resilience.Mode `json:"mode"`
	By     string          `json:"by"`
	At     time.Time       `json:"at"`
	Why    string          `json:"why"`
	Found  string          `json:"found"` // mode and state before
}

func show(o fleet.Order) shownOrder {
	return shownOrder{
		Number: o.Number, Mode: o.Mode, By: o.By, At: o.At, Why: o.Why,
		Found: fmt.Sprintf("%s, %s", o.FoundMode, o.Found),
	}
}

func (c breakerStatusCommand) Run(a *app) error {
	if c.Orders < 0 {
		return errors.New("--orders is below zero")
	}
	desk, err := c.desk(a)
	if err != nil {
		return err
	}
	b, err := look(a.ctx, desk, c.Orders)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(b)
	}
	_, err = fmt.Fprint(a.stdout, b.text(a.now()))
	return err
}

func look(ctx context.Context, desk *fleet.Desk, orders int) (shownBreaker, error) {
	status, err := desk.Status(ctx)
	if err != nil {
		return shownBreaker{}, err
	}
	given, err := desk.Orders(ctx, orders)
	if err != nil {
		return shownBreaker{}, err
	}
	b := shownBreaker{
		Breaker: payments.BreakerName, State: status.State.String(), Mode: status.Mode,
		ProbeDue: status.ProbeDue, Orders: make([]shownOrder, 0, len(given)),
	}
	if status.Mode == resilience.Auto && !status.Until.IsZero() {
		b.Until = &status.Until
	}
	for _, o := range given {
		b.Orders = append(b.Orders, show(o))
	}
	return b, nil
}

// text is the breaker in a line, and each order in one more.
func (b shownBreaker) text(now time.Time) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s  %s  %s", b.Breaker, b.State, b.Mode)
	switch {
	case b.ProbeDue:
		out.WriteString("  the next call is a probe")
	case b.Until != nil && b.Until.After(now):
		fmt.Fprintf(&out, "  the next probe in %s", b.Until.Sub(now).Round(time.Second))
	}
	out.WriteString("\n")
	for _, o := range b.Orders {
		fmt.Fprintf(&out, "%s  %s by %s: %s (it was %s)\n", o.At.Format(time.RFC3339), o.Mode, o.By, o.Why, o.Found)
	}
	return out.String()
}

// orderFlags are who orders, and why.
type orderFlags struct {
	stackFlag
	Why string `help:"The reason, for whoever reads it later." required:"" placeholder:"TEXT"`
	By  string `help:"Who orders it (default: this account's name)." env:"HAIL_BY,USER,LOGNAME" placeholder:"NAME"`
}

type (
	breakerOpenCommand  struct{ orderFlags }
	breakerCloseCommand struct{ orderFlags }
	breakerAutoCommand  struct{ orderFlags }
)

func (c breakerOpenCommand) Run(a *app) error  { return c.give(a, resilience.ForcedOpen) }
func (c breakerCloseCommand) Run(a *app) error { return c.give(a, resilience.ForcedClosed) }
func (c breakerAutoCommand) Run(a *app) error  { return c.give(a, resilience.Auto) }

// who returns who orders. Containers and services often have no USER in their environment.
func (c orderFlags) who() (string, error) {
	if c.By != "" {
		return c.By, nil
	}
	account, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("say who orders it with --by: %w", err)
	}
	return account.Username, nil
}

func (c orderFlags) give(a *app, mode resilience.Mode) error {
	by, err := c.who()
	if err != nil {
		return err
	}
	desk, err := c.desk(a)
	if err != nil {
		return err
	}
	o, err := desk.Give(a.ctx, mode, by, c.Why)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(show(o))
	}
	_, err = fmt.Fprintf(a.stdout, "order %d: %s by %s (it was %s, %s); every environment obeys within %s\n", o.Number, o.Mode, o.By, o.FoundMode, o.Found, fleet.Defaults(resilience.BreakerConfig{}).TTL)
	return err
}
