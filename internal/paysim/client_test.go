package paysim_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
)

// The official client, unmodified, walks a payment through its life.
func TestOfficialClientHoldsAndCapturesInPart(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	ctx, intents := t.Context(), s.client.V1PaymentIntents

	create := &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(2000), Currency: stripe.String("eur"), CaptureMethod: stripe.String("manual"),
		PaymentMethod: stripe.String("pm_card_visa"), PaymentMethodTypes: stripe.StringSlice([]string{"card"}),
		Metadata: map[string]string{"booking_id": "bk_1"},
	}
	create.SetIdempotencyKey("create-1")
	p, err := intents.Create(ctx, create)
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != stripe.PaymentIntentStatusRequiresConfirmation || p.Metadata["booking_id"] != "bk_1" {
		t.Errorf("created: status %s, metadata %v", p.Status, p.Metadata)
	}
	if p.LatestCharge != nil || p.AmountCapturable != 0 {
		t.Errorf("created: holds something: %+v", p.LatestCharge)
	}

	confirm := &stripe.PaymentIntentConfirmParams{ErrorOnRequiresAction: stripe.Bool(true)}
	confirm.AddExpand("latest_charge")
	p, err = intents.Confirm(ctx, p.ID, confirm)
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != stripe.PaymentIntentStatusRequiresCapture || p.AmountCapturable != 2000 {
		t.Errorf("confirmed: status %s, capturable %d", p.Status, p.AmountCapturable)
	}
	wantLapse := s.clock.Now().Add(7 * 24 * time.Hour).Unix()
	if got := p.LatestCharge.PaymentMethodDetails.Card.CaptureBefore; got != wantLapse {
		t.Errorf("capture_before %d, want %d", got, wantLapse)
	}

	capture := &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(1700)}
	capture.AddExpand("latest_charge")
	p, err = intents.Capture(ctx, p.ID, capture)
	if err != nil {
		t.Fatal(err)
	}
	c := p.LatestCharge
	if p.Status != stripe.PaymentIntentStatusSucceeded || p.AmountReceived != 1700 ||
		c.AmountCaptured != 1700 || c.AmountRefunded != 300 {
		t.Errorf("captured: %s, received %d, captured %d, released %d",
			p.Status, p.AmountReceived, c.AmountCaptured, c.AmountRefunded)
	}

	refund, err := s.client.V1Refunds.Create(ctx, &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(p.ID), Amount: stripe.Int64(500), Metadata: map[string]string{"refund_id": "rf_1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if refund.Status != stripe.RefundStatusSucceeded || refund.PaymentIntent.ID != p.ID {
		t.Errorf("refund: %s of %s", refund.Status, refund.PaymentIntent.ID)
	}
	var amounts []int64
	for r, err := range s.client.V1Refunds.List(ctx, &stripe.RefundListParams{
		PaymentIntent: stripe.String(p.ID), ListParams: stripe.ListParams{Limit: stripe.Int64(1)},
	}).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		amounts = append(amounts, r.Amount)
	}
	if len(amounts) != 2 || amounts[0] != 500 || amounts[1] != 300 {
		t.Errorf("refunds over two pages, newest first: %v, want [500 300] (the refund, the release)", amounts)
	}
	l := s.ledger(p.ID)
	if l.Authorized != 2000 || l.Captured != 1700 || l.Refunded != 500 || l.OpenHold || l.BookingID != "bk_1" {
		t.Errorf("ledger: %+v", l)
	}
}

func TestOfficialClientReadsErrors(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	errorOnAction := &stripe.PaymentIntentConfirmParams{ErrorOnRequiresAction: stripe.Bool(true)}
	for _, tc := range []struct {
		method, code string
		decline      stripe.DeclineCode
	}{
		{"pm_card_chargeDeclined", "card_declined", "generic_decline"},
		{"pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"},
		{"pm_card_authenticationRequired", "authentication_required", "authentication_required"},
	} {
		id := s.order(tc.method)
		_, err := s.client.V1PaymentIntents.Confirm(t.Context(), id, errorOnAction)
		var e *stripe.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", tc.method, err)
		}
		if e.HTTPStatusCode != http.StatusPaymentRequired || e.Type != stripe.ErrorTypeCard ||
			string(e.Code) != tc.code || e.DeclineCode != tc.decline {
			t.Errorf("%s: %d %s %s %s", tc.method, e.HTTPStatusCode, e.Type, e.Code, e.DeclineCode)
		}
		if e.PaymentIntent == nil || e.PaymentIntent.Status != stripe.PaymentIntentStatusRequiresPaymentMethod {
			t.Errorf("%s: intent in the error: %+v", tc.method, e.PaymentIntent)
		}
		p, err := s.client.V1PaymentIntents.Retrieve(t.Context(), id, nil)
		if err != nil || p.LastPaymentError == nil || p.LastPaymentError.DeclineCode != tc.decline {
			t.Errorf("%s: last_payment_error %+v, %v", tc.method, p.LastPaymentError, err)
		}
		if l := s.ledger(id); l.Authorized != 0 || l.OpenHold {
			t.Errorf("%s: held: %+v", tc.method, l)
		}
	}
}

func TestWithoutErrorOnActionTheIntentWaitsForItsOwner(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.order("pm_card_authenticationRequired")
	p, err := s.client.V1PaymentIntents.Confirm(t.Context(), id, nil)
	if err != nil || p.Status != stripe.PaymentIntentStatusRequiresAction || p.NextAction == nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err = s.client.V1PaymentIntents.Cancel(t.Context(), id, nil); err != nil ||
		p.Status != stripe.PaymentIntentStatusCanceled {
		t.Errorf("cancel: %+v, %v", p, err)
	}
}

func TestAHoldLapses(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.held()
	s.clock.advance(7*24*time.Hour - time.Second)
	if got := s.status(id); got != "requires_capture" {
		t.Errorf("just before: %s", got)
	}
	s.clock.advance(time.Second)
	p, err := s.client.V1PaymentIntents.Retrieve(t.Context(), id, nil)
	if err != nil || p.Status != stripe.PaymentIntentStatusCanceled || p.CancellationReason != "automatic" {
		t.Errorf("after: %+v, %v", p, err)
	}
	if l := s.ledger(id); l.OpenHold {
		t.Errorf("ledger: %+v", l)
	}
}
