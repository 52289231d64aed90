package paysim

import "strings"

// maxAmount is Stripe's limit of eight digits.
const maxAmount = 99_999_999

// card is how a payment method behaves.
type card struct {
	brand       string
	declineCode string // empty: it works
	challenges  bool   // it wants its owner to authenticate
}

// cardOf knows the payment methods by the names of Stripe's test cards.
func cardOf(method string) (card, bool) {
	switch method {
	case "pm_card_visa":
		return card{brand: "visa"}, true
	case "pm_card_mastercard":
		return card{brand: "mastercard"}, true
	case "pm_card_chargeDeclined":
		return card{brand: "visa", declineCode: "generic_decline"}, true
	case "pm_card_chargeDeclinedInsufficientFunds":
		return card{brand: "visa", declineCode: "insufficient_funds"}, true
	case "pm_card_authenticationRequired":
		return card{brand: "visa", challenges: true}, true
	default:
		return card{}, false
	}
}

// minimumOf is the smallest charge in a currency, in minor units, by Stripe's
// published table. It reports false for a currency that is not in it.
func minimumOf(currency string) (int64, bool) {
	switch strings.ToLower(currency) {
	case "usd", "aud", "brl", "cad", "chf", "eur", "inr", "nzd", "sgd", "jpy":
		return 50, true
	case "gbp":
		return 30, true
	case "bgn":
		return 100, true
	case "aed", "myr", "pln", "ron":
		return 200, true
	case "dkk":
		return 250, true
	case "nok", "sek":
		return 300, true
	case "hkd":
		return 400, true
	case "mxn", "thb":
		return 1000, true
	case "czk":
		return 1500, true
	case "huf":
		return 17500, true
	default:
		return 0, false
	}
}
