package stripegateway

import (
	"errors"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Limits of Stripe's.
const (
	maxKey      = 255
	maxMetadata = 500
)

func checkOrder(o payments.Order) error {
	switch {
	case o.BookingID == "" || len(o.BookingID) > maxMetadata:
		return refuse("invalid_booking", "create: the booking's id is empty or too long")
	case o.Amount <= 0:
		return refuse("invalid_amount", "create: amount %d is not positive", o.Amount)
	case !isCurrency(o.Currency):
		return refuse("invalid_currency", "create: the currency is not three letters")
	case o.Method == "":
		return refuse("invalid_payment_method", "create: there is no payment method")
	case !strings.HasPrefix(o.Method, "pm_") || !isIdentifier(o.Method) || len(o.Method) > maxKey:
		return notAToken()
	}
	return nil
}

// notAToken is a payment method that the provider would not know: declined as by
// the provider, since it is the rider's choice. Nobody is told what it is: it
// could be a card number.
func notAToken() error {
	return &payments.Error{
		Outcome: resilience.Declined, Code: "invalid_payment_method",
		Err: errors.New("create: the payment method is not a token of the provider"),
	}
}

func checkCall(ref, key string) error {
	if err := checkRef(ref); err != nil {
		return err
	}
	return checkKey(key)
}

// checkRef keeps out what would lead to another path of the API.
func checkRef(ref string) error {
	if !isRef(ref) {
		return refuse("invalid_ref", "the reference is not an id of the provider")
	}
	return nil
}

// checkKey keeps out what the client would alter: it trims spaces, and makes up
// a key where there is none.
func checkKey(key string) error {
	if !isVisibleASCII(key, maxKey) {
		return refuse("invalid_idempotency_key", "the idempotency key is not 1 to %d visible ASCII characters", maxKey)
	}
	return nil
}

func isRef(ref string) bool { return ref != "" && len(ref) <= maxKey && isIdentifier(ref) }

func isCurrency(s string) bool {
	if len(s) != 3 {
		return false
	}
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func isVisibleASCII(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
