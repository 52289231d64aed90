package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

type devTwoStacks struct{}

// Help explains what the one-line help leaves open.
func (devTwoStacks) Help() string {
	return `Two stacks of different names are deployed to one account, the second with an event bus. A rider books on
each with the same name and the same key; each stack must know its own booking alone, and the bus hear of every event of
one of them and of no other. Then the second is deleted, and the first must go on.`
}

func (c devTwoStacks) Run(a *app) error {
	var report smoke.Report
	failed := a.ownStack("two-stacks", func(own ownStack) (bool, error) {
		err := c.check(a, own, &report)
		return report.Failed == 0, err
	})
	return a.showReport(report, failed)
}

// secondStack begins as the first's name does: whoever looks for names by how they begin
// would meet it.
const secondStack = "hailstone-local-2"

// neighbours are two stacks in one account.
type neighbours struct {
	cloud localstack.Cloud
	bus   heardBus
	// first and second are the stacks; the second has the bus.
	first, second neighbour
}

// neighbour is one of them, as a rider sees it, and whoever looks into its account.
type neighbour struct {
	stack
	rider   api.Client
	booking api.Booking
}

func (devTwoStacks) check(a *app, own ownStack, report *smoke.Report) error {
	n := neighbours{cloud: localstack.Connect(own.AWS, own.Region)}
	var err error
	if n.bus, err = hearBus(a.ctx, localstack.Config(own.AWS, own.Region)); err != nil {
		return err
	}
	second, err := own.deployed.Beside(a.ctx, secondStack, "EventBusArn="+n.bus.arn)
	if err != nil {
		return err
	}
	for to, e := range map[*neighbour]localstack.Endpoints{&n.first: own.Endpoints, &n.second: second} {
		if err := n.meet(a.ctx, to, e); err != nil {
			return err
		}
	}
	for _, check := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"nothing of one stack is the other's: tables, queues, functions, roles, alarms", n.share},
		{"a token of one stack is refused by the other: 401", n.strangers},
		{"a rider books on each, with the same key, and both payments are authorized", n.book},
		{"each stack lists its own booking alone, and does not know the other's: 404", n.apart},
		{"each log has its own booking alone", n.logs},
		{"the event bus hears of every event of the second stack's booking, and of nothing else", n.heard},
		{"what the publisher may do is what it did, or excused", func(ctx context.Context) error {
			return own.compareRights(ctx, a.progress(), second, "PublisherRole")
		}},
		{"hail publish tells the event bus of all of it once more", n.publishAgain},
		{"the second stack is deleted", n.remove},
		{"the first goes on: its booking is there, and another is made and authorized", n.goOn},
	} {
		report.Check(a.ctx, a.progress(), check.name, func() error { return check.do(a.ctx) })
	}
	return context.Cause(a.ctx)
}

func (n *neighbours) meet(ctx context.Context, who *neighbour, e localstack.Endpoints) error {
	token, err := n.cloud.Token(ctx, e, localstack.Rider.SeededUser(), localstack.Rider)
	if err != nil {
		return err
	}
	who.stack = stack{name: e.StackName, config: localstack.Config(e.AWS, e.Region), local: e}
	who.rider = api.Client{Base: e.API, Token: token}
	return who.describe(ctx)
}

func (n *neighbours) both() []*neighbour { return []*neighbour{&n.first, &n.second} }

// namedInside are the types whose names are unique only inside of what they belong to:
// a group in its pool, the stage $default in its API.
var namedInside = []string{"AWS::Cognito::UserPoolGroup", "AWS::ApiGatewayV2::Stage"}

// share compares the names under which the account knows what the stacks are made of.
func (n *neighbours) share(ctx context.Context) error {
	owner := map[string]string{}
	var failures []error
	for _, who := range n.both() {
		out, err := n.cloud.Stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &who.name})
		if err != nil {
			return err
		}
		if len(out.StackResources) == 0 {
			return fmt.Errorf("%s has no resources", who.name)
		}
		for _, r := range out.StackResources {
			kind, id := aws.ToString(r.ResourceType), aws.ToString(r.PhysicalResourceId)
			if slices.Contains(namedInside, kind) {
				continue
			}
			if other := owner[kind+" "+id]; other != "" && other != who.name {
				failures = append(failures, fmt.Errorf("%s %s is of both", kind, id))
			}
			owner[kind+" "+id] = who.name
		}
	}
	return errors.Join(failures...)
}

func (n *neighbours) strangers(ctx context.Context) error {
	var failures []error
	for _, pair := range [][2]*neighbour{{&n.first, &n.second}, {&n.second, &n.first}} {
		stranger := api.Client{Base: pair[0].rider.Base, Token: pair[1].rider.Token}
		response, err := stranger.Do(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings"})
		failures = append(failures, err)
		if err == nil {
			failures = append(failures, response.Err(http.StatusUnauthorized))
		}
	}
	return errors.Join(failures...)
}

// patience is how long a booking or an event may take, cold starts included.
const patience = time.Minute

// books makes a booking and waits until it is confirmed.
func (who *neighbour) books(ctx context.Context, key string) (api.Booking, error) {
	c := bookCommand{Product: "standard", PaymentMethod: "pm_card_visa", Key: key, Timeout: patience}
	b, err := c.book(ctx, who.rider)
	if err == nil {
		err = c.await(ctx, who.rider, &b)
	}
	if err != nil {
		return api.Booking{}, fmt.Errorf("%s: %w", who.name, err)
	}
	return b.Booking, nil
}

func (n *neighbours) book(ctx context.Context) (err error) {
	for _, who := range n.both() {
		if who.booking, err = who.books(ctx, "the-same-key"); err != nil {
			return err
		}
	}
	return nil
}

func (n *neighbours) remove(ctx context.Context) error {
	if err := n.cloud.Remove(ctx, secondStack); err != nil {
		return err
	}
	response, err := n.second.rider.Do(ctx, api.Request{Method: http.MethodGet, Path: "/health"})
	if err == nil && response.Status == http.StatusOK {
		return errors.New("its API still answers")
	}
	return nil
}

func (n *neighbours) goOn(ctx context.Context) error {
	if n.first.booking.ID == "" {
		return errNoBooking
	}
	if err := n.first.lists(ctx); err != nil {
		return err
	}
	_, err := n.first.books(ctx, "another-key")
	return err
}

// eventually repeats try until it succeeds or patience ends, and returns the last error.
func eventually(ctx context.Context, try func() error) error {
	return smoke.Eventually(ctx, patience, pollEvery, try)
}
