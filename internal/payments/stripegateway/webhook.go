package stripegateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// DefaultTolerance is how old a signature may be: Stripe's own choice.
const DefaultTolerance = stripe.WebhookDefaultTolerance

// Webhook reads what Stripe sends. It is safe for concurrent use.
type Webhook struct {
	// Secret is the endpoint's signing secret; while it is being rolled, the old one and the
	// new one with a space between them.
	Secret string
	// Tolerance is how old a signature may be: it keeps a recorded webhook from being
	// sent again much later.
	Tolerance time.Duration
	Now       func() time.Time
}

// Parse returns what a webhook is about, from its body as it came and its
// Stripe-Signature. The notice is empty for an event that is about no payment of this
// service. The error wraps payments.ErrSignature, or tells that the body is not an event.
func (w Webhook) Parse(body []byte, signature string) (payments.Notice, error) {
	// The client measures a signature's age by the time of day alone, so that our clock
	// has to go into the tolerance.
	ahead := time.Until(w.Now())
	var event stripe.Event
	err := stripe.ErrWebhookNoValidSignature
	for _, secret := range strings.Fields(w.Secret) {
		event, err = stripe.ConstructEvent(body, signature, secret,
			stripe.WithTolerance(w.Tolerance-ahead), stripe.WithIgnoreAPIVersionMismatch())
		if !errors.Is(err, stripe.ErrWebhookNoValidSignature) {
			break
		}
	}
	switch {
	case isSignatureError(err):
		return payments.Notice{}, fmt.Errorf("%w: %w", payments.ErrSignature, err)
	case err != nil:
		return payments.Notice{}, errors.New("the webhook's body is not an event") // the cause may quote it
	case event.Data == nil:
		return payments.Notice{}, nil
	}
	return noticeOf(event.Data.Raw)
}

func isSignatureError(err error) bool {
	return errors.Is(err, stripe.ErrWebhookNotSigned) || errors.Is(err, stripe.ErrWebhookInvalidHeader) ||
		errors.Is(err, stripe.ErrWebhookNoValidSignature) || errors.Is(err, stripe.ErrWebhookTooOld)
}

// noticeOf reads the few fields that the objects of all events have in common.
func noticeOf(object json.RawMessage) (payments.Notice, error) {
	var o struct {
		ID            string            `json:"id"`
		Object        string            `json:"object"`
		PaymentIntent reference         `json:"payment_intent"`
		Metadata      map[string]string `json:"metadata"`
	}
	if err := json.Unmarshal(object, &o); err != nil {
		return payments.Notice{}, errors.New("the webhook's object cannot be read")
	}
	n := payments.Notice{BookingID: booking.ID(o.Metadata[bookingKey])}
	anonymous := false // whether ours may come without the booking's id
	switch o.Object {
	case "payment_intent":
		n.Ref = o.ID
	case "charge": // has the metadata of its payment intent
		n.Ref = string(o.PaymentIntent)
	case "refund", "dispute":
		n.Ref, anonymous = string(o.PaymentIntent), true
	default:
		return payments.Notice{}, nil
	}
	if !isRef(n.Ref) || n.BookingID == "" && !anonymous {
		return payments.Notice{}, nil
	}
	return n, nil
}

// reference is an object's id, also where the object itself stands in its place.
type reference string

// UnmarshalJSON implements json.Unmarshaler.
func (r *reference) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '{' {
		var object struct {
			ID string `json:"id"`
		}
		err := json.Unmarshal(raw, &object)
		*r = reference(object.ID)
		return err
	}
	return json.Unmarshal(raw, (*string)(r))
}
