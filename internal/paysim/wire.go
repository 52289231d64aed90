package paysim

import "time"

// The objects as they go over the wire: the fields of Stripe's that the service
// and its tests read. Times are seconds since 1970.

type intentJSON struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"`
	Amount             int64             `json:"amount"`
	AmountCapturable   int64             `json:"amount_capturable"`
	AmountReceived     int64             `json:"amount_received"`
	CanceledAt         *int64            `json:"canceled_at"`
	CancellationReason *string           `json:"cancellation_reason"`
	CaptureMethod      string            `json:"capture_method"`
	ClientSecret       string            `json:"client_secret"`
	ConfirmationMethod string            `json:"confirmation_method"`
	Created            int64             `json:"created"`
	Currency           string            `json:"currency"`
	Description        *string           `json:"description"`
	LastPaymentError   *apiError         `json:"last_payment_error"`
	LatestCharge       any               `json:"latest_charge"` // null, an id or a chargeJSON
	Livemode           bool              `json:"livemode"`
	Metadata           map[string]string `json:"metadata"`
	NextAction         any               `json:"next_action"`
	PaymentMethod      *string           `json:"payment_method"`
	PaymentMethodTypes []string          `json:"payment_method_types"`
	Status             status            `json:"status"`
}

type chargeJSON struct {
	ID                   string             `json:"id"`
	Object               string             `json:"object"`
	Amount               int64              `json:"amount"`
	AmountCaptured       int64              `json:"amount_captured"`
	AmountRefunded       int64              `json:"amount_refunded"`
	Captured             bool               `json:"captured"`
	Created              int64              `json:"created"`
	Currency             string             `json:"currency"`
	Disputed             bool               `json:"disputed"`
	FailureCode          *string            `json:"failure_code"`
	FailureMessage       *string            `json:"failure_message"`
	Livemode             bool               `json:"livemode"`
	Metadata             map[string]string  `json:"metadata"`
	Paid                 bool               `json:"paid"`
	PaymentIntent        string             `json:"payment_intent"`
	PaymentMethod        string             `json:"payment_method"`
	PaymentMethodDetails paymentDetailsJSON `json:"payment_method_details"`
	Refunded             bool               `json:"refunded"`
	Status               string             `json:"status"`
}

type paymentDetailsJSON struct {
	Type string          `json:"type"`
	Card cardDetailsJSON `json:"card"`
}

type cardDetailsJSON struct {
	Brand         string `json:"brand"`
	CaptureBefore *int64 `json:"capture_before,omitempty"`
}

type refundJSON struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Amount        int64             `json:"amount"`
	Charge        any               `json:"charge"` // an id or a chargeJSON
	Created       int64             `json:"created"`
	Currency      string            `json:"currency"`
	Metadata      map[string]string `json:"metadata"`
	PaymentIntent string            `json:"payment_intent"`
	Reason        *string           `json:"reason"`
	Status        string            `json:"status"`
	FailureReason string            `json:"failure_reason,omitempty"`
}

type disputeJSON struct {
	ID            string `json:"id"`
	Object        string `json:"object"`
	Amount        int64  `json:"amount"`
	Charge        string `json:"charge"`
	Created       int64  `json:"created"`
	Currency      string `json:"currency"`
	PaymentIntent string `json:"payment_intent"`
	Status        string `json:"status"`
}

type listJSON struct {
	Object  string `json:"object"`
	Data    []any  `json:"data"`
	HasMore bool   `json:"has_more"`
	URL     string `json:"url"`
}

func (p *intent) json(expandCharge bool) *intentJSON {
	method := "automatic"
	if p.manual {
		method = "manual"
	}
	j := &intentJSON{
		ID: p.id, Object: "payment_intent",
		Amount: p.amount, AmountCapturable: p.capturable(), AmountReceived: p.received(),
		CanceledAt: seconds(p.canceledAt), CancellationReason: optional(p.cancelReason),
		CaptureMethod: method, ClientSecret: p.secret, ConfirmationMethod: "automatic",
		Created: p.created.Unix(), Currency: p.currency, Description: optional(p.description),
		LastPaymentError: p.lastError.stored(), Metadata: orEmpty(p.metadata),
		PaymentMethod: optional(p.method), PaymentMethodTypes: []string{"card"}, Status: p.status,
	}
	if p.status == requiresAction {
		j.NextAction = map[string]any{"type": "use_stripe_sdk", "use_stripe_sdk": map[string]any{}}
	}
	switch {
	case p.charge == nil:
	case expandCharge:
		j.LatestCharge = p.charge.json(p)
	default:
		j.LatestCharge = p.charge.id
	}
	return j
}

func (c *charge) json(p *intent) *chargeJSON {
	j := &chargeJSON{
		ID: c.id, Object: "charge",
		Amount: p.amount, AmountCaptured: c.amountCaptured, AmountRefunded: c.amountRefunded,
		Captured: c.captured, Created: c.created.Unix(), Currency: p.currency, Metadata: orEmpty(p.metadata),
		Disputed: len(p.disputes) > 0, Paid: c.failed == nil, PaymentIntent: p.id, PaymentMethod: c.method,
		PaymentMethodDetails: paymentDetailsJSON{Type: "card", Card: cardDetailsJSON{
			Brand: c.brand, CaptureBefore: seconds(c.captureBefore),
		}},
		Refunded: c.amountRefunded == p.amount, Status: "succeeded",
	}
	if c.failed != nil {
		j.Status, j.FailureCode, j.FailureMessage = "failed", optional(c.failed.Code), optional(c.failed.Message)
	}
	return j
}

func (r *refund) json(p *intent, expandCharge bool) *refundJSON {
	j := &refundJSON{
		ID: r.id, Object: "refund", Amount: r.amount, Charge: p.charge.id, Created: r.created.Unix(),
		Currency: p.currency, Metadata: orEmpty(r.metadata), PaymentIntent: p.id,
		Reason: optional(r.reason), Status: string(r.status), FailureReason: r.failure,
	}
	if expandCharge {
		j.Charge = p.charge.json(p)
	}
	return j
}

func (d *dispute) json(p *intent) *disputeJSON {
	return &disputeJSON{
		ID: d.id, Object: "dispute", Amount: d.amount, Charge: p.charge.id, Created: d.created.Unix(),
		Currency: p.currency, PaymentIntent: p.id, Status: d.status,
	}
}

// stored is the error as last_payment_error shows it: without the intent,
// which it is part of there.
func (e *apiError) stored() *apiError {
	if e == nil {
		return nil
	}
	cp := *e
	cp.PaymentIntent = nil
	return &cp
}

func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
