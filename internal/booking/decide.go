package booking

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ActorPayment is the actor of commands that the payment function gives.
const ActorPayment = "payment"

// Decide returns the events that a command leads to in a state: none where it
// changes nothing any more, or a *Rejection where it is refused.
func Decide(s State, c Command) ([]Event, error) {
	if c, ok := c.(Request); ok {
		return decideRequest(s, c)
	}
	if !s.Exists() {
		return nil, reject(CodeNotFound, "There is no such booking.")
	}
	if facts, ok := decidePayment(s, c); ok {
		return facts, nil
	}
	return decideRide(s, c)
}

// errNoRider is a request by no Caller, which is a bug: views of it could not be read,
// and the log is never changed. It does not say by whom: a subject may be an e-mail
// address.
var errNoRider = errors.New("decide on a request: its rider is no rider id")

func decideRequest(s State, c Request) ([]Event, error) {
	if s.Exists() {
		return nil, reject(CodeInvalidState, "The booking was requested before.")
	}
	if !c.RiderID.Valid() {
		return nil, errNoRider
	}
	if problems := c.validate(); len(problems) > 0 {
		return nil, invalid(problems...)
	}
	quote := c.Tariff.Quote(c.Product, c.Trip.Pickup, c.Trip.Dropoff)
	if c.ExpectedFare != nil && *c.ExpectedFare != quote.Fare {
		return nil, reject(CodeFareChanged, "The fare is %d %s now.", quote.Fare.Amount, quote.Fare.Currency)
	}
	return []Event{BookingRequested{
		At: c.At, RiderID: c.RiderID, Product: c.Product, Tariff: c.Tariff.ID, Prices: c.Tariff.Products[c.Product], Fees: c.Tariff.Fees,
		Fare: quote.Fare, Hold: c.Tariff.Hold(quote.Fare), AuthorizeBy: c.At.Add(AuthorizeWithin), Personal: c.Trip,
	}}, nil
}

func invalid(fields ...FieldError) *Rejection {
	return &Rejection{Code: CodeValidationFailed, Detail: "The request has values that are missing or out of range.", Fields: fields}
}

// MaxLabel is the longest label of a place, in characters.
const MaxLabel = 120

// longestMethod bounds the id of a payment method. Bounds stand beside patterns, not in
// them: a pattern is compiled into as many states as it counts, at every cold start.
const longestMethod = 253

var paymentMethod = regexp.MustCompile(`^pm_[A-Za-z0-9_]+$`)

// ValidateQuote returns a rejection for what the tariff has no fare for.
func ValidateQuote(t Tariff, product string, from, to Place) error {
	v := &validation{}
	v.trip(t, product, from, to)
	return v.err()
}

func (v *validation) trip(t Tariff, product string, from, to Place) {
	v.place("/pickup", from)
	v.place("/dropoff", to)
	if _, known := t.Products[product]; !known {
		v.add("/product", "must be one of "+strings.Join(t.ProductNames(), ", "))
	}
	if len(v.problems) > 0 {
		return
	}
	v.area("/pickup", t, from)
	v.area("/dropoff", t, to)
	switch {
	case from.Lat == to.Lat && from.Lng == to.Lng:
		v.add("/dropoff", "must be another place than the pickup")
	case t.Distance(from, to) > t.MaxDistance:
		v.add("/dropoff", "is farther than this service drives")
	}
}

func (v *validation) area(pointer string, t Tariff, p Place) {
	if !t.drives(p) {
		v.add(pointer, "is outside of where this service drives")
	}
}

func (c Request) validate() []FieldError {
	v := &validation{}
	v.trip(c.Tariff, c.Product, c.Trip.Pickup, c.Trip.Dropoff)
	if len(c.Trip.PaymentMethod) > longestMethod || !paymentMethod.MatchString(c.Trip.PaymentMethod) {
		v.add("/payment_method", "must be the provider's token for a payment method: pm_ and letters, digits or underscores")
	}
	if c.ExpectedFare != nil && c.ExpectedFare.Amount < 0 {
		v.add("/expected_fare/amount", "must not be negative")
	}
	return v.problems
}

type validation struct{ problems []FieldError }

func (v *validation) add(pointer, detail string) {
	v.problems = append(v.problems, FieldError{Pointer: pointer, Detail: detail})
}

func (v *validation) place(pointer string, p Place) {
	if math.IsNaN(p.Lat) || math.Abs(p.Lat) > 90 {
		v.add(pointer+"/lat", "must be a latitude from -90 to 90")
	}
	if math.IsNaN(p.Lng) || math.Abs(p.Lng) > 180 {
		v.add(pointer+"/lng", "must be a longitude from -180 to 180")
	}
	v.text(pointer+"/label", p.Label, 0, MaxLabel)
}

// text checks what somebody wrote: its length in characters, and that it is text.
func (v *validation) text(pointer, s string, shortest, longest int) {
	if n := utf8.RuneCountInString(s); n < shortest || n > longest {
		v.add(pointer, fmt.Sprintf("must have %d to %d characters", shortest, longest))
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		v.add(pointer, "must be text without control characters")
	}
}

// amount checks an amount of money against its currency and the most it may be.
func (v *validation) amount(pointer string, m Money, currency string, most int64) {
	if m.Currency != currency {
		v.add(pointer+"/currency", "must be "+currency+", as the fare is")
	}
	if m.Amount < 0 || m.Amount > most {
		v.add(pointer+"/amount", fmt.Sprintf("must be from 0 to %d", most))
	} else if step := currencyOf(currency).Step; m.Amount%step != 0 {
		v.add(pointer+"/amount", fmt.Sprintf("must be a multiple of %d in %s", step, currency))
	}
}

func (v *validation) err() error {
	if len(v.problems) == 0 {
		return nil
	}
	return invalid(v.problems...)
}
