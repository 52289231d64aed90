package main

import (
	"context"
	"errors"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// guests are users that exist only for a check.
type guests struct {
	cloud localstack.Cloud
	pool  localstack.Endpoints // of the user pool and its client
	leave []func(context.Context) error
}

// arrive fills in the tokens that the target lacks with those of new users.
func (g *guests) arrive(ctx context.Context, target *smoke.Target) error {
	for _, caller := range []struct {
		token *string
		role  localstack.Role
	}{
		{&target.Rider, localstack.Rider},
		{&target.OtherRider, localstack.Rider},
		{&target.Dispatch, localstack.Dispatch},
		{&target.Ops, localstack.Ops},
	} {
		if *caller.token != "" {
			continue
		}
		token, leave, err := g.cloud.Guest(ctx, g.pool, caller.role)
		g.leave = append(g.leave, leave)
		if err != nil {
			return err
		}
		*caller.token = token
	}
	return nil
}

// goodbye is how long the users may take to be deleted.
const goodbye = 30 * time.Second

// depart deletes the users, after an interrupt, too.
func (g *guests) depart() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	var failures []error
	for _, leave := range g.leave {
		failures = append(failures, leave(ctx))
	}
	return errors.Join(failures...)
}
