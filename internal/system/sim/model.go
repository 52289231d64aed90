package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// model is a booking as the oracle understands the stored events: a fold in words of its
// own, which shares no code with the product's. It is a value: after changes no memory
// that an older model can see.
type model struct {
	version int64
	status  booking.Status

	rider, product  string
	pickup, dropoff modelPlace
	method          string
	fare, hold      int64
	currency        string
	driver          string
	end             *modelEnd
	pay             modelPayment

	authorizeBy, assignBy, assigned, arrived, started time.Time
	requested, updated                                time.Time
}

// modelPayment is the payment's part of a model.
type modelPayment struct {
	status  booking.PaymentStatus
	ref     string
	group   int
	spent   map[string]int       // groups given up since the last retry, by operation
	since   map[string]time.Time // the last of them
	lost    bool
	failed  string
	failure string

	authorized, captured int64
	lapses               time.Time
	refunds              []modelRefund
	disputes             []modelDispute
}

type modelRefund struct {
	id     string
	amount int64
	status booking.RefundStatus
	group  int
	since  time.Time
}

type modelDispute struct {
	id, status string
	times      int
}

type modelPlace struct {
	Lat   float64 `json:"lat"`
	Lng   float64 `json:"lng"`
	Label string  `json:"label,omitempty"`
}

type modelEnd struct {
	by, cause, reason string
	fee               int64
}

type modelMoney struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// fact is an event as it is stored: the fields of all types together.
type fact struct {
	kind string
	old  bool // a request that was stored before the world began

	At            time.Time `json:"at"`
	AuthorizeBy   time.Time `json:"authorize_by"`
	AssignBy      time.Time `json:"assign_by"`
	CaptureBefore time.Time `json:"capture_before"`

	RiderID   string         `json:"rider_id"`
	Product   string         `json:"product"`
	Tariff    string         `json:"tariff"`
	Prices    modelPrices    `json:"prices"`
	Fees      modelFees      `json:"fees"`
	DriverID  string         `json:"driver_id"`
	By        string         `json:"by"`
	Cause     string         `json:"cause"`
	Overdue   booking.Status `json:"overdue"`
	Ref       string         `json:"ref"`
	Operation string         `json:"operation"`
	RefundID  string         `json:"refund_id"`
	DisputeID string         `json:"dispute_id"`
	Status    string         `json:"status"`
	Code      string         `json:"code"`
	Reason    string         `json:"reason"`
	Group     int            `json:"group"`
	NewObject bool           `json:"new_object"`
	DistanceM int64          `json:"distance_m"`
	DurationS int64          `json:"duration_s"`
	Fare      modelMoney     `json:"fare"`
	Hold      modelMoney     `json:"hold"`
	Fee       modelMoney     `json:"fee"`
	Amount    modelMoney     `json:"amount"`
	Waived    modelMoney     `json:"waived"`

	personal modelPersonal
}

// modelPersonal is the personal part of an event.
type modelPersonal struct {
	Pickup        modelPlace `json:"pickup"`
	Dropoff       modelPlace `json:"dropoff"`
	PaymentMethod string     `json:"payment_method"`
	Reason        string     `json:"reason"`
}

// factsOf reads what a commit stores.
func factsOf(c events.Commit) ([]fact, error) {
	personal := map[string]modelPersonal{}
	if len(c.Personal) > 0 {
		if err := json.Unmarshal(c.Personal, &personal); err != nil {
			return nil, err
		}
	}
	facts := make([]fact, len(c.Events))
	for i, e := range c.Events {
		d := json.NewDecoder(bytes.NewReader(e.Data))
		d.DisallowUnknownFields()
		if err := d.Decode(&facts[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Type, err)
		}
		f := &facts[i]
		f.kind, f.personal = e.Type, personal[strconv.Itoa(i)]
		if e.Schema == 1 {
			f.modernize()
		}
	}
	return facts, nil
}

// modernize reads a fact of the first schema: a cancellation has its cause as its reason, and
// a request the subject of its rider, whoever the issuer.
func (f *fact) modernize() {
	switch f.kind {
	case booking.TypeBookingCanceled:
		f.Cause, f.Reason = f.Reason, ""
	case booking.TypeBookingRequested:
		f.old, f.RiderID = true, riderOf("hailstone/rider/0", f.RiderID)
	default:
	}
}

// after returns the model after a fact.
func (m model) after(f fact) model {
	m.version++
	m.updated = f.At
	switch f.kind {
	case booking.TypeBookingRequested:
		m.status, m.requested, m.authorizeBy = booking.Requested, f.At, f.AuthorizeBy
		m.rider, m.product, m.fare, m.hold, m.currency = f.RiderID, f.Product, f.Fare.Amount, f.Hold.Amount, f.Fare.Currency
		m.pickup, m.dropoff, m.method = f.personal.Pickup, f.personal.Dropoff, f.personal.PaymentMethod
		m.pay = modelPayment{status: booking.PaymentPending, group: 1}
	case booking.TypeBookingConfirmed:
		m.status, m.assignBy = booking.Confirmed, f.AssignBy
	case booking.TypeDriverAssigned:
		m.status, m.driver, m.assigned = booking.HasDriver, f.DriverID, f.At
	case booking.TypeDriverUnassigned:
		m.status, m.driver, m.assignBy = booking.Confirmed, "", f.AssignBy
	case booking.TypeDriverArrived:
		m.status, m.arrived = booking.DriverIsThere, f.At
	case booking.TypeRideStarted:
		m.status, m.started = booking.InProgress, f.At
	case booking.TypeRideCompleted:
		m.status, m.fare = booking.Completed, f.Fare.Amount
	case booking.TypeBookingCanceled:
		m.status = booking.Canceled
		m.end = &modelEnd{f.By, f.Cause, f.personal.Reason, f.Fee.Amount}
	case booking.TypeBookingExpired:
		m.status = booking.Expired
	default:
		m.pay = m.pay.after(f)
	}
	return m
}

func (p modelPayment) after(f fact) modelPayment {
	as := func(s booking.PaymentStatus) { p.status, p.failed, p.failure = s, "", "" }
	switch f.kind {
	case booking.TypePaymentStarted:
		p.status, p.ref, p.group = booking.PaymentIsStarted, f.Ref, f.Group
	case booking.TypePaymentAttemptSpent:
		return p.spend(f)
	case booking.TypePaymentAuthorized:
		as(booking.PaymentIsAuthorized)
		p.authorized, p.lapses, p.lost = f.Amount.Amount, f.CaptureBefore, false
	case booking.TypePaymentDeclined:
		as(booking.PaymentIsDeclined)
		p.failure = f.Code
	case booking.TypePaymentCaptured:
		as(booking.PaymentIsCaptured)
		p.captured = f.Amount.Amount
	case booking.TypePaymentVoided:
		as(booking.PaymentIsVoided)
	case booking.TypePaymentAbandoned:
		as(booking.PaymentIsAbandoned)
	case booking.TypePaymentFailed:
		p.status, p.failed, p.failure = booking.PaymentHasFailed, f.Operation, f.Reason
	case booking.TypePaymentAuthorizationLost:
		p.status, p.lost, p.failed, p.failure = booking.PaymentHasFailed, true, "capture", "authorization_lost"
	case booking.TypePaymentRetried:
		return p.retried(f)
	case booking.TypePaymentDisputed:
		p.disputes = slices.Clone(p.disputes)
		i := slices.IndexFunc(p.disputes, func(d modelDispute) bool { return d.id == f.DisputeID })
		if i < 0 {
			i, p.disputes = len(p.disputes), append(p.disputes, modelDispute{id: f.DisputeID})
		}
		p.disputes[i].status = f.Status
		p.disputes[i].times++
	case booking.TypeRefundRequested:
		p.refunds = append(slices.Clone(p.refunds), modelRefund{id: f.RefundID, amount: f.Amount.Amount, status: booking.RefundOpen, group: 1})
	case booking.TypePaymentRefunded:
		p = p.changed(f.RefundID, func(r *modelRefund) { r.status = booking.RefundDone })
	case booking.TypePaymentRefundFailed:
		p = p.changed(f.RefundID, func(r *modelRefund) { r.status = booking.RefundFailed })
	}
	return p.balanced()
}

// balanced tells captured from refunded: by whether anything is left.
func (p modelPayment) balanced() modelPayment {
	if p.status == booking.PaymentIsCaptured || p.status == booking.PaymentIsRefunded {
		p.status = booking.PaymentIsCaptured
		if back := p.back(); back > 0 && back >= p.captured {
			p.status = booking.PaymentIsRefunded
		}
	}
	return p
}

// back is what was given back.
func (p modelPayment) back() int64 {
	var sum int64
	for _, r := range p.refunds {
		if r.status == booking.RefundDone {
			sum += r.amount
		}
	}
	return sum
}

// left is what could still be given back.
func (p modelPayment) left() int64 {
	left := p.captured
	for _, r := range p.refunds {
		if r.status != booking.RefundFailed {
			left -= r.amount
		}
	}
	return left
}

func (p modelPayment) refund(id string) (modelRefund, bool) {
	for _, r := range p.refunds {
		if r.id == id {
			return r, true
		}
	}
	return modelRefund{}, false
}

func (p modelPayment) changed(id string, change func(*modelRefund)) modelPayment {
	p.refunds = slices.Clone(p.refunds)
	for i := range p.refunds {
		if p.refunds[i].id == id {
			change(&p.refunds[i])
		}
	}
	return p
}

func (p modelPayment) spend(f fact) modelPayment {
	if f.Operation == "refund" {
		return p.changed(f.RefundID, func(r *modelRefund) { r.group, r.since = f.Group, f.At })
	}
	spent, since := map[string]int{f.Operation: 1}, map[string]time.Time{f.Operation: f.At}
	for o, n := range p.spent {
		spent[o] += n
		if o != f.Operation {
			since[o] = p.since[o]
		}
	}
	p.group, p.spent, p.since = f.Group, spent, since
	return p
}

// retried puts a failed payment back to where its operation begins.
func (p modelPayment) retried(f fact) modelPayment {
	p.group, p.spent, p.since, p.failed, p.failure = f.Group, nil, nil, "", ""
	switch {
	case f.NewObject:
		p.ref, p.authorized, p.lost, p.lapses = "", 0, false, time.Time{}
		p.status = booking.PaymentPending
	case p.ref == "":
		p.status = booking.PaymentPending
	case p.lost || f.Operation == "authorize":
		p.status = booking.PaymentIsStarted
	default:
		p.status = booking.PaymentIsAuthorized
	}
	return p
}
