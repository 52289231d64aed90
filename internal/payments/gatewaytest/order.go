package gatewaytest

import (
	"strings"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Limits of an amount, in minor units: Stripe's for most currencies.
const (
	minAmount = 50
	maxAmount = 99_999_999
)

// checkOrder returns nil for an order that a provider would take.
func checkOrder(o payments.Order) *payments.Error {
	code, _ := outcomeOf(o.Method)
	switch {
	case o.BookingID == "":
		return failed(resilience.Permanent, "invalid_booking")
	case o.Amount <= 0:
		return failed(resilience.Permanent, "invalid_amount")
	case len(o.Currency) != 3 || strings.Trim(o.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return failed(resilience.Permanent, "invalid_currency")
	case o.Method == "":
		return failed(resilience.Permanent, "invalid_payment_method")
	case code == "resource_missing":
		return failed(resilience.Declined, code)
	case o.Amount < minAmount:
		return failed(resilience.Permanent, "amount_too_small")
	case o.Amount > maxAmount:
		return failed(resilience.Permanent, "amount_too_large")
	}
	return nil
}

// outcomeOf is how a payment method behaves when it is confirmed.
func outcomeOf(method string) (code, decline string) {
	switch method {
	case "pm_card_visa", "pm_card_mastercard":
		return "", ""
	case "pm_card_chargeDeclined":
		return "card_declined", "generic_decline"
	case "pm_card_chargeDeclinedInsufficientFunds":
		return "card_declined", "insufficient_funds"
	case "pm_card_authenticationRequired":
		return "authentication_required", "authentication_required"
	default:
		return "resource_missing", ""
	}
}
