package booking

import (
	"math"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How long a booking may stay in a status.
const (
	AuthorizeWithin = 30 * time.Minute
	AssignWithin    = 20 * time.Minute
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
	switch c := c.(type) {
	case RecordPaymentStarted:
		return decidePaymentStarted(s, c), nil
	case RecordAuthorization:
		return decideAuthorization(s, c), nil
	case RecordDecline:
		return decideDecline(s, c), nil
	default:
		return nil, reject(CodeInvalidState, "The command is not known.")
	}
}

func decideRequest(s State, c Request) ([]Event, error) {
	if s.Exists() {
		return nil, reject(CodeInvalidState, "The booking was requested before.")
	}
	if problems := c.validate(); len(problems) > 0 {
		return nil, &Rejection{Code: CodeValidationFailed, Detail: "The request has values that are missing or out of range.", Fields: problems}
	}
	quote := c.Tariff.Quote(c.Product, c.Trip.Pickup, c.Trip.Dropoff)
	if c.ExpectedFare != nil && *c.ExpectedFare != quote.Fare {
		return nil, reject(CodeFareChanged, "The fare is %d %s now.", quote.Fare.Amount, quote.Fare.Currency)
	}
	return []Event{BookingRequested{
		At: c.At, RiderID: c.RiderID, Product: c.Product, Tariff: c.Tariff.ID,
		Fare: quote.Fare, Hold: c.Tariff.Hold(quote.Fare), Fees: c.Tariff.Fees,
		AuthorizeBy: c.At.Add(AuthorizeWithin), Personal: c.Trip,
	}}, nil
}

// decidePaymentStarted grants the first object only: of two functions that made
// one each, the loser finds the winner's in the log and cancels its own.
func decidePaymentStarted(s State, c RecordPaymentStarted) []Event {
	if s.Payment.Status != PaymentPending || s.Status != Requested {
		return nil
	}
	return []Event{PaymentStarted{At: c.At, Ref: c.Ref, Group: s.Payment.Group + 1}}
}

func decideAuthorization(s State, c RecordAuthorization) []Event {
	if s.Payment.Status != PaymentIsStarted || s.Payment.Ref != c.Ref {
		return nil
	}
	decided := []Event{PaymentAuthorized{At: c.At, Ref: c.Ref, Amount: c.Amount, CaptureBefore: c.CaptureBefore}}
	if s.Status == Requested {
		decided = append(decided, BookingConfirmed{At: c.At, AssignBy: c.At.Add(AssignWithin)})
	}
	return decided
}

func decideDecline(s State, c RecordDecline) []Event {
	owed := s.Payment.Status == PaymentPending || s.Payment.Status == PaymentIsStarted
	if !owed || s.Payment.Ref != c.Ref {
		return nil
	}
	decided := []Event{PaymentDeclined{At: c.At, Ref: c.Ref, Code: c.Code}}
	if s.Status == Requested {
		decided = append(decided, BookingCanceled{
			At: c.At, By: ActorPayment, Reason: ReasonPaymentDeclined, Fee: Money{Currency: s.Fare.Currency},
		})
	}
	return decided
}

// MaxLabel is the longest label of a place, in characters.
const MaxLabel = 120

var paymentMethod = regexp.MustCompile(`^pm_[A-Za-z0-9_]{1,250}$`)

func (c Request) validate() []FieldError {
	v := &validation{}
	v.place("/pickup", c.Trip.Pickup)
	v.place("/dropoff", c.Trip.Dropoff)
	if _, known := c.Tariff.Products[c.Product]; !known {
		v.add("/product", "must be one of "+strings.Join(c.Tariff.ProductNames(), ", "))
	}
	if !paymentMethod.MatchString(c.Trip.PaymentMethod) {
		v.add("/payment_method", "must be the provider's token for a payment method: pm_ and letters, digits or underscores")
	}
	if c.ExpectedFare != nil && c.ExpectedFare.Amount < 0 {
		v.add("/expected_fare/amount", "must not be negative")
	}
	if len(v.problems) == 0 && c.Tariff.Distance(c.Trip.Pickup, c.Trip.Dropoff) > c.Tariff.MaxDistance {
		v.add("/dropoff", "is farther than this service drives")
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
	if utf8.RuneCountInString(p.Label) > MaxLabel {
		v.add(pointer+"/label", "must have at most 120 characters")
	}
	if !utf8.ValidString(p.Label) || strings.ContainsFunc(p.Label, unicode.IsControl) {
		v.add(pointer+"/label", "must be text without control characters")
	}
}
