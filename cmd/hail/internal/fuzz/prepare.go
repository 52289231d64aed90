package fuzz

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// Crew prepares bookings: a rider who owns them, and a dispatcher.
type Crew struct{ Rider, Dispatch api.Client }

// courses are the ways in which bookings go before the attack: they end in every
// state that can be reached at once.
var courses = [][]string{
	{},
	{"assign"},
	{"assign", "arrive"},
	{"assign", "arrive", "start"},
	{"assign", "arrive", "start", "complete"},
	{"cancel"},
}

const (
	// copies of each course: commands of the attack use bookings up.
	copies      = 3
	confirmWait = 30 * time.Second
)

// Prepare makes bookings in many states and returns their ids.
func (c Crew) Prepare(ctx context.Context) ([]string, error) {
	var ids []string
	for range copies * len(courses) { // all before the first is waited for
		response, err := c.Rider.Do(ctx, api.Request{Method: http.MethodPost, Path: "/v1/bookings", Key: rand.Text(), Body: api.SampleRequest()})
		if err != nil {
			return nil, err
		}
		var booking api.Booking
		if err := errors.Join(response.Err(http.StatusCreated), response.Decode(&booking)); err != nil {
			return nil, fmt.Errorf("prepare a booking: %w", err)
		}
		ids = append(ids, booking.ID)
	}
	for i, id := range ids {
		if err := c.take(ctx, id, courses[i%len(courses)]); err != nil {
			return nil, fmt.Errorf("prepare a booking: %w", err)
		}
	}
	return ids, nil
}

// take waits until the booking is confirmed and gives it the commands of a course.
func (c Crew) take(ctx context.Context, id string, course []string) error {
	if err := c.awaitConfirmed(ctx, id); err != nil {
		return err
	}
	for _, command := range course {
		client, body := c.Dispatch, any(nil)
		switch command {
		case "assign":
			body = map[string]string{"driver_id": "fuzz-" + strings.ToLower(rand.Text())}
		case "complete":
			body = map[string]int64{"distance_m": 4000, "duration_s": 600}
		case "cancel":
			client, body = c.Rider, map[string]string{"reason": "Changed plans."}
		}
		response, err := client.Do(ctx, api.Request{Method: http.MethodPost, Path: "/v1/bookings/" + id + "/" + command, Key: rand.Text(), Body: body})
		if err != nil {
			return err
		}
		if err := response.Err(http.StatusOK); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
	}
	return nil
}

func (c Crew) awaitConfirmed(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, confirmWait, fmt.Errorf("%s is not confirmed after %s", id, confirmWait))
	defer cancel()
	for {
		response, err := c.Rider.Do(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + id})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		var booking api.Booking
		if err := errors.Join(response.Err(http.StatusOK), response.Decode(&booking)); err != nil {
			return err
		}
		if !booking.Waiting() {
			return nil // what it became instead, the next command tells
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
