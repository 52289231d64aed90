package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Notice says which payment the provider has news of, and nothing of what happened:
// notices come late, twice and in any order, so that only the object itself tells.
type Notice struct {
	// BookingID is what the object itself says it was made for; empty where the notice
	// does not show the object: where it is about a dispute, or a refund made by hand.
	BookingID booking.ID
	// Ref names the payment object; empty for a notice that is about none.
	Ref string
}

// ErrSignature is a notice that the provider did not sign, or not lately.
var ErrSignature = errors.New("the notice's signature is not valid")

// noticePrefix begins the streams that hints name when all that is known is the
// object. They hold no commits: the provider says which booking it is.
const noticePrefix = "payment/"

// StreamOf returns the stream that a hint names for an object whose booking is not
// known.
func StreamOf(ref string) events.StreamID { return events.StreamID(noticePrefix + ref) }

// RefOf returns the object that StreamOf was given; ok is false for any other stream.
func RefOf(stream events.StreamID) (ref string, ok bool) {
	ref, ok = strings.CutPrefix(string(stream), noticePrefix)
	return ref, ok && ref != ""
}

// BookingOf asks the provider for which booking an object was made; empty where it
// was made for none.
func (p *Processor) BookingOf(ctx context.Context, ref string) (booking.ID, error) {
	object, err := p.Gateway.Retrieve(ctx, ref)
	if err != nil {
		return "", fmt.Errorf("find the booking of %s: %w", ref, err)
	}
	if id := booking.ID(object.BookingID); id.Valid() {
		return id, nil
	}
	return "", nil
}
