package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// errNoBooking is a check that an earlier failure leaves nothing to look at.
var errNoBooking = errors.New("there is no booking to look at")

func (n *neighbours) apart(ctx context.Context) error {
	for i, who := range n.both() {
		other := n.both()[1-i]
		if who.booking.ID == "" || other.booking.ID == "" {
			return errNoBooking
		}
		response, err := who.rider.Do(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + other.booking.ID})
		if err != nil {
			return err
		}
		if err := response.Err(http.StatusNotFound); err != nil {
			return fmt.Errorf("%s shows the booking of %s: %w", who.name, other.name, err)
		}
		if err := eventually(ctx, func() error { return who.lists(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// lists expects its own booking in the list, which the projector writes, and no other.
func (who *neighbour) lists(ctx context.Context) error {
	response, err := who.rider.Do(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings"})
	if err != nil {
		return err
	}
	var page api.Page
	if err := errors.Join(response.Err(http.StatusOK), response.Decode(&page)); err != nil {
		return err
	}
	if len(page.Items) != 1 || page.Items[0].ID != who.booking.ID {
		return fmt.Errorf("%s lists %d bookings, want its own alone", who.name, len(page.Items))
	}
	return nil
}

// logs expects in each table of events those of its own booking alone.
func (n *neighbours) logs(ctx context.Context) error {
	for _, who := range n.both() {
		table, err := who.output("EventsTableName")
		if err != nil {
			return err
		}
		out, err := n.cloud.Tables.Scan(ctx, &dynamodb.ScanInput{
			TableName: &table, ProjectionExpression: aws.String("stream_id"), ConsistentRead: aws.Bool(true),
		})
		if err != nil {
			return err
		}
		var streams []string
		for _, item := range out.Items {
			id, _ := item["stream_id"].(*types.AttributeValueMemberS)
			streams = append(streams, id.Value)
		}
		if streams = slices.Compact(streams); !slices.Equal(streams, []string{"booking/" + who.booking.ID}) {
			return fmt.Errorf("%s has the streams %q, want that of %s", who.name, streams, who.booking.ID)
		}
	}
	return nil
}

// publishAgain runs what hail publish does, on a bus whose queue is empty by now.
func (n *neighbours) publishAgain(ctx context.Context) error {
	r, err := n.second.republication()
	if err != nil {
		return err
	}
	if r.forward, err = n.second.publisher(); err != nil {
		return err
	}
	r.until = time.Now().Add(time.Hour)
	if err := r.run(ctx); err != nil {
		return err
	}
	return n.heard(ctx)
}

// heard expects each event of the second stack's booking on the bus, once at least, and
// in it what docs/EVENTS.md says and no more.
func (n *neighbours) heard(ctx context.Context) error {
	if n.second.booking.ID == "" {
		return errNoBooking
	}
	types, err := n.second.history(ctx)
	if err != nil {
		return err
	}
	want := map[string]bool{}
	for version, eventType := range types {
		detail, err := json.Marshal(map[string]any{"booking_id": n.second.booking.ID, "version": version + 1, "type": eventType})
		if err != nil {
			return err
		}
		want[fmt.Sprintf("hailstone.%s %s %s", secondStack, eventType, detail)] = true
	}
	got := map[string]bool{}
	return eventually(ctx, func() error {
		if err := n.bus.receive(ctx, got); err != nil {
			return err
		}
		if !maps.Equal(want, got) {
			return fmt.Errorf("on the bus are %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		return nil
	})
}

// history returns the types of the booking's events, in their order.
func (who *neighbour) history(ctx context.Context) ([]string, error) {
	response, err := who.rider.Do(ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + who.booking.ID + "/events"})
	if err != nil {
		return nil, err
	}
	var page struct{ Items []struct{ Type string } }
	if err := errors.Join(response.Err(http.StatusOK), response.Decode(&page)); err != nil {
		return nil, err
	}
	var types []string
	for _, e := range page.Items {
		types = append(types, e.Type)
	}
	return types, nil
}
