package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// modelView is the Booking of openapi.yaml.
type modelView struct {
	ID           booking.ID       `json:"id"`
	Version      int64            `json:"version"`
	State        booking.Status   `json:"state"`
	RiderID      string           `json:"rider_id"`
	Pickup       modelPlace       `json:"pickup"`
	Dropoff      modelPlace       `json:"dropoff"`
	Product      string           `json:"product"`
	Fare         modelMoney       `json:"fare"`
	Payment      modelViewPayment `json:"payment"`
	DriverID     *string          `json:"driver_id"`
	Cancellation *modelViewEnd    `json:"cancellation"`
	RequestedAt  time.Time        `json:"requested_at"`
	UpdatedAt    time.Time        `json:"updated_at"`
}

type modelViewPayment struct {
	State      booking.PaymentStatus `json:"state"`
	Authorized modelMoney            `json:"authorized"`
	Captured   modelMoney            `json:"captured"`
	Refunded   modelMoney            `json:"refunded"`
	Failure    *string               `json:"failure"`
}

type modelViewEnd struct {
	By     string     `json:"by"`
	Reason string     `json:"reason"`
	Fee    modelMoney `json:"fee"`
}

// view is what readers are shown of a model.
func (m model) view(id booking.ID) ([]byte, error) {
	money := func(n int64) modelMoney { return modelMoney{n, m.currency} }
	v := modelView{
		ID: id, Version: m.version, State: m.status, RiderID: m.rider, Pickup: m.pickup, Dropoff: m.dropoff, Product: m.product,
		Fare: money(m.fare), RequestedAt: m.requested, UpdatedAt: m.updated,
		Payment: modelViewPayment{
			State: m.pay.status, Authorized: money(m.pay.authorized), Captured: money(m.pay.captured), Refunded: money(m.pay.back()),
		},
	}
	if m.driver != "" {
		v.DriverID = &m.driver
	}
	if m.pay.failure != "" {
		v.Payment.Failure = &m.pay.failure
	}
	if m.end != nil {
		reason := m.end.reason
		if reason == "" {
			reason = m.end.cause
		}
		v.Cancellation = &modelViewEnd{m.end.by, reason, money(m.end.fee)}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

// place is where a booking stands in a list; empty for not at all.
func place(at time.Time, id booking.ID) string {
	if at.IsZero() {
		return ""
	}
	at = at.UTC()
	return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ#%s",
		at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond()/int(time.Millisecond), id)
}

// stored is what a projection has of a model, its places in lists included.
func (m model) stored(id booking.ID) (readmodel.Record, error) {
	body, err := m.view(id)
	r := readmodel.Record{
		ID: id, Version: m.version, Body: body, Rider: m.rider,
		InRider: place(m.requested, id), InDeadlines: place(m.checked(), id),
	}
	if m.status == booking.Confirmed {
		r.InWaiting = place(m.assignBy, id)
	}
	return r, err
}

// checked is when the sweeper looks at the booking: at its deadline, and 15 minutes after
// the last event while there is still something to pay, or to give back.
func (m model) checked() time.Time {
	if due := m.deadline(); !due.IsZero() {
		return due
	}
	open := m.owing()
	for _, r := range m.pay.refunds {
		open = open || r.status == booking.RefundOpen
	}
	if open {
		return m.updated.Add(15 * time.Minute)
	}
	return time.Time{}
}

// owing tells whether the payment has not come to its end.
func (m model) owing() bool {
	switch m.pay.status {
	case booking.PaymentPending, booking.PaymentIsStarted, booking.PaymentIsAuthorized, booking.PaymentHasFailed:
		return true
	default:
		return false
	}
}

// deadline is when the booking expires as it is; zero where it does not.
func (m model) deadline() time.Time {
	var due time.Time
	switch m.status {
	case booking.Requested:
		return m.authorizeBy
	case booking.InProgress:
		return m.started.Add(24 * time.Hour)
	case booking.Confirmed:
		due = m.assignBy
	case booking.HasDriver:
		due = m.assigned.Add(2 * time.Hour)
	case booking.DriverIsThere:
		due = m.arrived.Add(time.Hour)
	default:
		return time.Time{}
	}
	// A day and a half before the hold lapses no ride begins any more.
	if last := m.pay.lapses.Add(-36 * time.Hour); !m.pay.lapses.IsZero() && last.Before(due) {
		return last
	}
	return due
}

// owed is what the rider has to pay.
func (m model) owed() int64 {
	switch {
	case m.status == booking.Completed:
		return m.fare
	case m.status == booking.Canceled && m.end != nil:
		return m.end.fee
	default:
		return 0
	}
}

// least is what the provider charges at least; what is owed below it is waived.
const least = 50
