package main

import (
	"errors"
	"fmt"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/internal/booking"
)

type riderIDCommand struct {
	Token   string `arg:"" optional:"" help:"Access token of the rider, which is read and not verified." env:"HAIL_TOKEN" placeholder:"TOKEN"`
	Issuer  string `help:"Issuer of the rider's tokens (claim iss)." placeholder:"URL"`
	Subject string `help:"The rider at that issuer (claim sub)." placeholder:"SUBJECT"`
}

// Help explains what the one-line help leaves open.
func (riderIDCommand) Help() string {
	return `It is the rider_id of a rider's bookings, and how the history of a booking names dispatchers and operators. It is derived
from issuer and subject, given as such or by a token. Nothing leads back from it.`
}

// Run prints the id.
func (c riderIDCommand) Run(a *app) error {
	caller, err := c.caller()
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]string{"rider_id": string(caller.RiderID())})
	}
	fmt.Fprintln(a.stdout, caller.RiderID())
	return nil
}

func (c riderIDCommand) caller() (booking.Caller, error) {
	switch {
	case c.Issuer != "" && c.Subject != "":
		return booking.Caller{Issuer: c.Issuer, Subject: c.Subject}, nil
	case c.Issuer != "" || c.Subject != "":
		return booking.Caller{}, errors.New("--issuer and --subject go together")
	case c.Token == "":
		return booking.Caller{}, errors.New("give a token, or --issuer and --subject")
	}
	caller, err := api.CallerOf(c.Token)
	if err != nil {
		return booking.Caller{}, fmt.Errorf("read the token: %w", err)
	}
	return caller, nil
}
