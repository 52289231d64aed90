package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

type bookCommand struct {
	instanceFlag
	API           string        `name:"api" help:"Base URL of the API (default: the local stack's)." placeholder:"URL"`
	Token         string        `help:"Access token to book with (default: a local user's)." env:"HAIL_TOKEN" placeholder:"TOKEN"`
	User          string        `help:"Local user to book as, where no token is given." default:"rider-1"`
	From          *place        `help:"Where the ride begins." placeholder:"LAT,LNG[,LABEL]"`
	To            *place        `help:"Where it ends." placeholder:"LAT,LNG[,LABEL]"`
	Product       string        `help:"What is booked, for instance standard, xl, premium." default:"standard"`
	PaymentMethod string        `help:"The provider's token of a card; pm_card_chargeDeclined is declined by the simulator." default:"pm_card_visa"`
	Key           string        `help:"Idempotency-Key (default: a new one). The same key books only once."`
	Wait          bool          `help:"Wait until the payment is authorized and the booking confirmed."`
	Timeout       time.Duration `help:"How long to wait." default:"60s"`
}

// Help explains what the one-line help leaves open.
func (bookCommand) Help() string {
	return `Without flags it books a ride across Berlin on the local stack. With --api and --token it books
on any deployment. With --wait it fails if the booking ends otherwise than confirmed.`
}

// place is a point on the command line.
type place struct{ api.Place }

// UnmarshalText reads LAT,LNG or LAT,LNG,LABEL.
func (p *place) UnmarshalText(text []byte) error {
	parts := strings.SplitN(string(text), ",", 3)
	if len(parts) < 2 {
		return fmt.Errorf("%q: want LAT,LNG or LAT,LNG,LABEL", text)
	}
	var err error
	if p.Lat, err = strconv.ParseFloat(strings.TrimSpace(parts[0]), 64); err != nil {
		return fmt.Errorf("latitude %q: want a number", parts[0])
	}
	if p.Lng, err = strconv.ParseFloat(strings.TrimSpace(parts[1]), 64); err != nil {
		return fmt.Errorf("longitude %q: want a number", parts[1])
	}
	if len(parts) == 3 {
		p.Label = strings.TrimSpace(parts[2])
	}
	return nil
}

func (c bookCommand) Run(a *app) error {
	client, err := c.client(a)
	if err != nil {
		return err
	}
	steps := a.steps()
	defer steps.Close()
	var booking booked
	err = steps.Do("book", func() (err error) {
		booking, err = c.book(a.ctx, client)
		return err
	})
	if err != nil {
		return err
	}
	if c.Wait {
		err = steps.Do("wait until "+booking.ID+" is confirmed", func() error {
			return c.await(a.ctx, client, &booking)
		})
	}
	steps.Close()
	return errors.Join(err, a.showBooking(booking))
}

func (c bookCommand) client(a *app) (api.Client, error) {
	if c.API != "" {
		if c.Token == "" {
			return api.Client{}, errors.New("--api needs --token")
		}
		return api.Client{Base: strings.TrimRight(c.API, "/"), Token: c.Token}, nil
	}
	if c.Token != "" {
		endpoints, err := c.endpoints()
		return api.Client{Base: endpoints.API, Token: c.Token}, err
	}
	endpoints, token, err := c.token(a, c.User, localstack.Rider)
	return api.Client{Base: endpoints.API, Token: token}, err
}

// booked is a booking together with the API's own words.
type booked struct {
	api.Booking
	text json.RawMessage
}

func (b *booked) read(response api.Response) error {
	b.text = response.Body
	return response.Decode(&b.Booking)
}

func (c bookCommand) book(ctx context.Context, client api.Client) (booking booked, err error) {
	request := api.SampleRequest()
	request.Product, request.PaymentMethod = c.Product, c.PaymentMethod
	if c.From != nil {
		request.Pickup = c.From.Place
	}
	if c.To != nil {
		request.Dropoff = c.To.Place
	}
	if c.Key == "" {
		c.Key = rand.Text()
	}
	response, err := client.Do(ctx, api.Request{Method: http.MethodPost, Path: "/v1/bookings", Key: c.Key, Body: request})
	if err != nil {
		return booked{}, fmt.Errorf("%w (repeat with --key %s to book at most once)", err, c.Key)
	}
	if err := response.Err(http.StatusCreated); err != nil {
		return booked{}, fmt.Errorf("book: %w", err)
	}
	return booking, booking.read(response)
}

// pollEvery is how often a booking is looked at while waiting for it.
const pollEvery = 100 * time.Millisecond

// await reads the booking until it is decided, and fails if it is not confirmed.
func (c bookCommand) await(ctx context.Context, client api.Client, booking *booked) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("not confirmed within %s", c.Timeout))
	defer cancel()
	for booking.Waiting() {
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		response, err := client.Do(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + booking.ID})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if err := response.Err(http.StatusOK); err != nil {
			return err
		}
		if err := booking.read(response); err != nil {
			return err
		}
	}
	if booking.State != api.Confirmed {
		return fmt.Errorf("the booking is %s", booking.State)
	}
	return nil
}

// showBooking prints the booking: as it is for programs, in one line for people.
func (a *app) showBooking(b booked) error {
	if a.json {
		return a.printJSON(b.text)
	}
	_, err := fmt.Fprintf(a.stdout, "%s  version %d  %s  payment %s  %d.%02d %s\n",
		b.ID, b.Version, b.State, b.Payment.State, b.Fare.Amount/100, b.Fare.Amount%100, b.Fare.Currency)
	return err
}
