package main

import (
	"fmt"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

type tokenCommand struct {
	instanceFlag
	User string          `help:"Name of the user (default: the one that every local stack has for the role)." placeholder:"NAME"`
	Role localstack.Role `help:"What the user may do: ${enum}." enum:"rider,dispatch,ops" default:"rider"`
}

// Help explains what the one-line help leaves open.
func (tokenCommand) Help() string {
	return "The user gets exactly this role. The token is valid for an hour."
}

func (c tokenCommand) Run(a *app) error {
	if c.User == "" {
		c.User = c.Role.SeededUser()
	}
	_, token, err := c.token(a, c.User, c.Role)
	if err != nil {
		return err
	}
	if a.json {
		caller, err := api.CallerOf(token)
		if err != nil {
			return fmt.Errorf("read the token of %s: %w", c.User, err)
		}
		return a.printJSON(map[string]string{"user": c.User, "role": string(c.Role), "token": token, "rider_id": string(caller.RiderID())})
	}
	fmt.Fprintln(a.stdout, token)
	return nil
}
