package stripegateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

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
// Stripe-Signature. The notice is empty for what is signed and about no payment of this
// service, in whatever format: another kind of object, or a thin event (v2), which names
// no booking. The error wraps payments.ErrSignature, or says that the body is not an event.
//
// Only the fields that are used are decoded, so the event may be of any API version: until
// 2017-05-25 its request was a string (github.com/stripe/stripe-go/issues/1333), and the
// client's own type refuses that.
func (w Webhook) Parse(body []byte, signature string) (payments.Notice, error) {
	if err := w.validate(body, signature); err != nil {
		return payments.Notice{}, err
	}
	var event struct {
		Object string          `json:"object"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil || event.Object == "" {
		return payments.Notice{}, errNoEvent() // the cause may quote the body
	}
	if event.Object != "event" {
		return payments.Notice{}, nil
	}
	var data struct {
		Object json.RawMessage `json:"object"`
	}
	if len(event.Data) > 0 {
		if err := json.Unmarshal(event.Data, &data); err != nil {
			return payments.Notice{}, errNoEvent()
		}
	}
	if len(data.Object) == 0 {
		return payments.Notice{}, nil
	}
	return noticeOf(data.Object)
}

func errNoEvent() error { return errors.New("the webhook's body is not an event") }

// validate checks the signature with each of the secrets. A header that was repeated and
// joined is a valid list still, of which one signature must fit.
func (w Webhook) validate(body []byte, signature string) error {
	// The client measures a signature's age by the time of day alone, so that our clock
	// has to go into the tolerance.
	ahead := time.Until(w.Now())
	err := stripe.ErrWebhookNoValidSignature
	for _, secret := range strings.Fields(w.Secret) {
		err = stripe.ValidatePayload(body, signature, secret, stripe.WithTolerance(w.Tolerance-ahead))
		if !errors.Is(err, stripe.ErrWebhookNoValidSignature) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", payments.ErrSignature, err)
	}
	return nil
}

// noticeOf reads the few fields that the objects of all events have in common, of those
// kinds that can be about a payment.
func noticeOf(object json.RawMessage) (payments.Notice, error) {
	var kind struct {
		Object string `json:"object"`
	}
	if err := json.Unmarshal(object, &kind); err != nil {
		return payments.Notice{}, errNoObject()
	}
	if !slices.Contains([]string{"payment_intent", "charge", "refund", "dispute"}, kind.Object) {
		return payments.Notice{}, nil
	}
	var o struct {
		ID            string                     `json:"id"`
		PaymentIntent reference                  `json:"payment_intent"`
		Metadata      map[string]json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(object, &o); err != nil {
		return payments.Notice{}, errNoObject()
	}
	var n payments.Notice
	if raw := o.Metadata[bookingKey]; raw != nil {
		if err := json.Unmarshal(raw, &n.BookingID); err != nil {
			return payments.Notice{}, errNoObject()
		}
	}
	anonymous := false // whether ours may come without the booking's id
	switch kind.Object {
	case "payment_intent":
		n.Ref = o.ID
	case "charge": // has the metadata of its payment intent
		n.Ref = string(o.PaymentIntent)
	case "refund", "dispute":
		n.Ref, anonymous = string(o.PaymentIntent), true
	}
	if !isRef(n.Ref) || n.BookingID == "" && !anonymous {
		return payments.Notice{}, nil
	}
	return n, nil
}

func errNoObject() error { return errors.New("the webhook's object cannot be read") }

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
