package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/remake"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/localstack"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

type devRebuild struct {
	Bookings int           `help:"Bookings that there are before it begins." default:"300"`
	Clients  int           `help:"Clients that book at once, and as many that look." default:"2"`
	Rest     time.Duration `help:"How long each rests between two requests meanwhile." default:"500ms"`
	Patience time.Duration `help:"How long the rebuild may take." default:"20m"`
}

// Help explains what the one-line help leaves open.
func (devRebuild) Help() string {
	return `Books, then makes all views anew while riders go on booking and looking: no request may fail. In the end
an audit compares every view with the log. A rebuild waits 150 seconds in three of its phases, so it takes
about 9 minutes.`
}

func (c devRebuild) Run(a *app) error {
	checks := func(r remake.Report) smoke.Report { return r.Report }
	return prove(a, "rebuild", checks, func(own ownStack) (remake.Report, error) {
		options, err := c.options(a, own)
		if err != nil {
			return remake.Report{}, err
		}
		return remake.Run(a.ctx, options, a.progress())
	})
}

func (c devRebuild) options(a *app, own ownStack) (remake.Options, error) {
	s := stack{name: own.StackName, config: localstack.Config(own.AWS, own.Region), local: own.Endpoints}
	if err := s.describe(a.ctx); err != nil {
		return remake.Options{}, err
	}
	table, err := s.output("ControlTableName")
	if err != nil {
		return remake.Options{}, err
	}
	all, err := tokens(a.ctx, own.Endpoints)
	documents := dynamocontrol.New(dynamodb.NewFromConfig(s.config), table)
	return remake.Options{
		API: own.API, Rider: all[localstack.Rider], Bookings: c.Bookings, Clients: c.Clients, Rest: c.Rest, Look: time.Second, Patience: c.Patience,
		Rebuild: func(ctx context.Context) error {
			return rebuild.Start(ctx, documents, a.now().UTC(), rebuild.Plan{Segments: 4}, false)
		},
		Audit: func(ctx context.Context) error {
			return rebuild.StartAudit(ctx, documents, a.now().UTC(), rebuild.Plan{}, false)
		},
		State: func(ctx context.Context) (rebuild.State, error) {
			state, _, err := rebuild.ReadState(ctx, documents)
			return state, err
		},
		DeadLetters: s.deadLetters,
	}, err
}
