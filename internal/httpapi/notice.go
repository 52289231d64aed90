package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Notices turns what the payment provider sends into hints.
type Notices struct {
	// Parse returns what a signed body is about. Its error wraps payments.ErrSignature
	// for one that the provider did not sign, ErrNoNoticeKey where that cannot be told
	// now, and is another one for a body that cannot be read.
	Parse func(ctx context.Context, body []byte, signature string) (payments.Notice, error)
	// Hints is the queue of the payment function.
	Hints queue.Sender
}

// ErrNoNoticeKey is a failure to get the key that notices are signed with.
var ErrNoNoticeKey = errors.New("the key of notices cannot be read")

// errNotice is a notice that could not be passed on: its sender comes again.
var errNotice = errors.New("the notice could not be passed on")

// signatureHeader carries the signature of a notice.
const signatureHeader = "Stripe-Signature"

// notice takes in news of a payment. It believes them only so far as to have the
// payment function look: a notice may be old, or one of many. The provider sends it
// again until it is told that the hint is on its way.
func (a *API) notice(w http.ResponseWriter, r *http.Request) error {
	body, err := rawBody(r, maxNotice)
	if err != nil {
		return err
	}
	n, err := a.Notices.Parse(r.Context(), body, lines(r, signatureHeader))
	switch {
	case errors.Is(err, ErrNoNoticeKey):
		return fmt.Errorf("%w: %w", errNotice, err)
	case errors.Is(err, payments.ErrSignature):
		return problem(CodeInvalidSignature, "The signature is missing, wrong or too old.")
	case err != nil:
		return problem(CodeMalformed, "The body is not an event.")
	}
	hint, ok, err := a.hintOf(r.Context(), n)
	if err != nil {
		return err
	}
	if ok {
		if _, err := a.Notices.Hints.Send(r.Context(), []queue.Hint{hint}); err != nil {
			return fmt.Errorf("%w: %w", errNotice, err)
		}
	}
	a.Log.InfoContext(r.Context(), "notice of the provider", "ref", n.Ref, "booking_id", n.BookingID, "passed_on", ok)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// hintOf returns the hint to look at what a notice is about; ok is false where that
// is nothing of ours. Another deployment may share the provider's account.
func (a *API) hintOf(ctx context.Context, n payments.Notice) (h queue.Hint, ok bool, err error) {
	var stream events.StreamID
	version := int64(1)
	switch {
	case n.BookingID.Valid():
		b, err := a.Bookings.Load(ctx, n.BookingID)
		if err != nil || !b.State.Exists() {
			return queue.Hint{}, false, err
		}
		stream, version = n.BookingID.Stream(), b.State.Version
	case n.BookingID == "" && n.Ref != "":
		// Whose it is, only the provider can say. While nobody is to ask it anything, the
		// notice is best kept by the provider itself, which sends it again for days.
		if state := a.Payments(ctx); state != resilience.Closed {
			return queue.Hint{}, false, fmt.Errorf("%w: the breaker is %s", errNotice, state)
		}
		stream = payments.StreamOf(n.Ref)
	default:
		return queue.Hint{}, false, nil
	}
	h = queue.NewHint(stream, version, requestOf(ctx).Trace.Traceparent)
	h.Reconcile = true
	return h, true, nil
}
