package stripegateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/payments"
)

// refundKey is where the id of a refund is kept in its metadata.
const refundKey = "refund_id"

// pageSize is the most that one answer lists. No ride has as many refunds; if one
// had, this gateway would rather say nothing about them than half of it.
const pageSize = 100

// Refund implements payments.Gateway.
func (g *Gateway) Refund(ctx context.Context, order payments.RefundOrder, key string) (payments.RefundObject, error) {
	if err := checkCall(order.Ref, key); err != nil {
		return payments.RefundObject{}, err
	}
	if err := checkRefund(order); err != nil {
		return payments.RefundObject{}, err
	}
	params := &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(order.Ref),
		Amount:        stripe.Int64(order.Amount),
		Metadata:      map[string]string{bookingKey: order.BookingID, refundKey: order.RefundID},
	}
	params.SetIdempotencyKey(key)
	x := &exchange{}
	made, err := g.refunds.Create(context.WithValue(ctx, exchangeKey{}, x), params)
	if err != nil {
		return payments.RefundObject{}, g.failure(ctx, what("refund", order.Ref), x, err)
	}
	r, err := refundObject(made, order.Ref)
	if err == nil && r.RefundID != order.RefundID {
		err = errors.New("the answer is about another refund")
	}
	if err != nil {
		return payments.RefundObject{}, unintelligible(what("refund", order.Ref), x, err)
	}
	r.Replayed = x.replayed()
	return r, nil
}

// Refunds implements payments.Gateway.
func (g *Gateway) Refunds(ctx context.Context, ref string) ([]payments.RefundObject, error) {
	if err := checkRef(ref); err != nil {
		return nil, err
	}
	params := &stripe.RefundListParams{PaymentIntent: stripe.String(ref)}
	params.Limit, params.Single = stripe.Int64(pageSize), true
	params.AddExpand("data.charge")
	x := &exchange{}
	page := g.refunds.List(context.WithValue(ctx, exchangeKey{}, x), params)
	listed, err := all(ctx, g, listing[*stripe.Refund]{what("refunds", ref), x, page, page.Data()}, func(r *stripe.Refund) (payments.RefundObject, error) {
		return refundObject(r, ref)
	})
	if err != nil {
		return nil, err
	}
	return withoutRelease(listed, page.Data()), nil
}

// Disputes implements payments.Gateway.
func (g *Gateway) Disputes(ctx context.Context, ref string) ([]payments.Dispute, error) {
	if err := checkRef(ref); err != nil {
		return nil, err
	}
	params := &stripe.DisputeListParams{PaymentIntent: stripe.String(ref)}
	params.Limit, params.Single = stripe.Int64(pageSize), true
	x := &exchange{}
	page := g.disputes.List(context.WithValue(ctx, exchangeKey{}, x), params)
	return all(ctx, g, listing[*stripe.Dispute]{what("disputes", ref), x, page, page.Data()}, func(d *stripe.Dispute) (payments.Dispute, error) {
		status := wordOf(string(d.Status))
		if d.Object != "dispute" || !isIdentifier(d.ID) || d.ID == "" || status == "" || !isCurrency(string(d.Currency)) || !isAbout(d.PaymentIntent, ref) {
			return payments.Dispute{}, errors.New("not a dispute of the object")
		}
		return payments.Dispute{ID: d.ID, Amount: d.Amount, Currency: strings.ToUpper(string(d.Currency)), Status: status}, nil
	})
}

func checkRefund(o payments.RefundOrder) error {
	switch {
	case o.Amount <= 0:
		return refuse("invalid_amount", "refund: amount %d is not positive", o.Amount)
	case o.BookingID == "" || len(o.BookingID) > maxMetadata:
		return refuse("invalid_booking", "refund: the booking's id is empty or too long")
	case o.RefundID == "" || len(o.RefundID) > maxMetadata:
		return refuse("invalid_refund", "refund: the refund's id is empty or too long")
	}
	return nil
}

// listing is an answered list, newest first, as it came.
type listing[S any] struct {
	doing string
	x     *exchange
	page  interface {
		Err() error
		Meta() stripe.ListMeta
	}
	data []S
}

// all translates a list, and turns it around. A list that is cut off, or that has a
// part which cannot be right, is no answer: money may depend on what is missing.
func all[S, T any](ctx context.Context, g *Gateway, l listing[S], translate func(S) (T, error)) ([]T, error) {
	if err := l.page.Err(); err != nil {
		return nil, g.failure(ctx, l.doing, l.x, err)
	}
	meta := l.page.Meta()
	if meta.HasMore || meta.URL == "" {
		return nil, unintelligible(l.doing, l.x, errors.New("the answer is not a whole list"))
	}
	out := make([]T, 0, len(l.data))
	for _, s := range slices.Backward(l.data) {
		t, err := translate(s)
		if err != nil {
			return nil, unintelligible(l.doing, l.x, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// withoutRelease takes out what the capture released of the hold: Stripe lists that
// as a refund, too. It was the first of the charge, and nobody gave it an id.
func withoutRelease(oldestFirst []payments.RefundObject, listed []*stripe.Refund) []payments.RefundObject {
	if len(oldestFirst) == 0 {
		return oldestFirst
	}
	charge := expanded(listed[0].Charge)
	if charge == nil {
		return oldestFirst
	}
	released := charge.Amount - charge.AmountCaptured
	if first := oldestFirst[0]; first.RefundID == "" && released > 0 && first.Amount == released {
		return oldestFirst[1:]
	}
	return oldestFirst
}

func refundObject(r *stripe.Refund, ref string) (payments.RefundObject, error) {
	if r.Object != "refund" || r.ID == "" || !isIdentifier(r.ID) || r.Amount <= 0 || !isCurrency(string(r.Currency)) || !isAbout(r.PaymentIntent, ref) {
		return payments.RefundObject{}, errors.New("not a refund of the object")
	}
	out := payments.RefundObject{ID: r.ID, RefundID: r.Metadata[refundKey], Amount: r.Amount, Currency: strings.ToUpper(string(r.Currency))}
	switch r.Status {
	case stripe.RefundStatusSucceeded:
		out.Status = payments.RefundSucceeded
	case stripe.RefundStatusPending, stripe.RefundStatusRequiresAction:
		out.Status = payments.RefundPending
	case stripe.RefundStatusFailed, stripe.RefundStatusCanceled:
		out.Status = payments.RefundFailed
		out.FailureCode = firstOf(wordOf(string(r.FailureReason)), wordOf(string(r.Status)))
	default:
		return payments.RefundObject{}, fmt.Errorf("the refund %s is in an unknown state", r.ID)
	}
	return out, nil
}

func isAbout(intent *stripe.PaymentIntent, ref string) bool { return intent != nil && intent.ID == ref }
