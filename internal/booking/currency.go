package booking

import "slices"

// Currency is what a tariff must know of its currency: what a card payment in it may
// be. Amounts are in the provider's minor units, which are those of ISO 4217 but for
// ISK and UGX: the provider takes these two with two decimals that must be zero.
type Currency struct {
	Code string // ISO 4217, upper case
	// Decimals is how many decimals an amount in minor units has.
	Decimals int
	// Minimum and Maximum bound a charge.
	Minimum, Maximum int64
	// Step divides every amount that is charged, held, captured or refunded.
	Step int64
}

// eightDigits is the largest amount that the provider takes in most currencies.
const eightDigits = 99_999_999

// currencies are the currencies that a tariff may name.
//
// Decimals, steps and minimum amounts follow "Supported currencies" in Stripe's
// documentation (docs.stripe.com/currencies, sections "Zero-decimal currencies",
// "Three-decimal currencies", "Special cases", "Minimum and maximum charge amounts";
// read in November 2026). Three-decimal amounts must end in 0. HUF and TWD may be
// charged with decimals but are paid out in whole units, so that whole units are
// charged here. For a currency without a minimum of its own Stripe asks for the worth
// of 0.50 USD in the account's currency: those minimums, marked below, are somewhat
// more than that. An account that settles in another currency than it charges must
// reach the minimum of that one, too: the provider then refuses what is below.
var currencies = []Currency{
	{Code: "AED", Decimals: 2, Minimum: 200, Maximum: eightDigits, Step: 1},
	{Code: "AUD", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "BHD", Decimals: 3, Minimum: 250, Maximum: eightDigits / 10 * 10, Step: 10}, // worth of 0.50 USD
	{Code: "BRL", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "CAD", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "CHF", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "CZK", Decimals: 2, Minimum: 1500, Maximum: eightDigits, Step: 1},
	{Code: "DKK", Decimals: 2, Minimum: 250, Maximum: eightDigits, Step: 1},
	{Code: "EUR", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "GBP", Decimals: 2, Minimum: 30, Maximum: eightDigits, Step: 1},
	{Code: "HKD", Decimals: 2, Minimum: 400, Maximum: eightDigits, Step: 1},
	{Code: "HUF", Decimals: 2, Minimum: 17_500, Maximum: eightDigits / 100 * 100, Step: 100},
	{Code: "INR", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "ISK", Decimals: 2, Minimum: 10_000, Maximum: eightDigits / 100 * 100, Step: 100}, // worth of 0.50 USD
	{Code: "JOD", Decimals: 3, Minimum: 500, Maximum: eightDigits / 10 * 10, Step: 10},       // worth of 0.50 USD
	{Code: "JPY", Decimals: 0, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "KRW", Decimals: 0, Minimum: 1000, Maximum: eightDigits, Step: 1},           // worth of 0.50 USD
	{Code: "KWD", Decimals: 3, Minimum: 250, Maximum: eightDigits / 10 * 10, Step: 10}, // worth of 0.50 USD
	{Code: "MXN", Decimals: 2, Minimum: 1000, Maximum: eightDigits, Step: 1},
	{Code: "MYR", Decimals: 2, Minimum: 200, Maximum: eightDigits, Step: 1},
	{Code: "NOK", Decimals: 2, Minimum: 300, Maximum: eightDigits, Step: 1},
	{Code: "NZD", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "OMR", Decimals: 3, Minimum: 250, Maximum: eightDigits / 10 * 10, Step: 10}, // worth of 0.50 USD
	{Code: "PLN", Decimals: 2, Minimum: 200, Maximum: eightDigits, Step: 1},
	{Code: "RON", Decimals: 2, Minimum: 200, Maximum: eightDigits, Step: 1},
	{Code: "SEK", Decimals: 2, Minimum: 300, Maximum: eightDigits, Step: 1},
	{Code: "SGD", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
	{Code: "THB", Decimals: 2, Minimum: 1000, Maximum: eightDigits, Step: 1},
	{Code: "TND", Decimals: 3, Minimum: 2000, Maximum: eightDigits / 10 * 10, Step: 10},       // worth of 0.50 USD
	{Code: "TWD", Decimals: 2, Minimum: 2000, Maximum: eightDigits / 100 * 100, Step: 100},    // worth of 0.50 USD
	{Code: "UGX", Decimals: 2, Minimum: 250_000, Maximum: eightDigits / 100 * 100, Step: 100}, // worth of 0.50 USD
	{Code: "USD", Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1},
}

// CurrencyOf returns what is known of a currency, and false for one that no tariff
// may name.
func CurrencyOf(code string) (Currency, bool) {
	i := slices.IndexFunc(currencies, func(c Currency) bool { return c.Code == code })
	if i < 0 {
		return Currency{}, false
	}
	return currencies[i], true
}

// currencyOf is CurrencyOf for a stored amount: a log must stay readable when a
// currency leaves the table, so that one that is unknown has two decimals and
// the minimum of most.
func currencyOf(code string) Currency {
	if c, ok := CurrencyOf(code); ok {
		return c
	}
	return Currency{Code: code, Decimals: 2, Minimum: 50, Maximum: eightDigits, Step: 1}
}

// Chargeable reports whether a card can be charged with m. What is owed below the
// provider's minimum is waived.
func (m Money) Chargeable() bool { return m.Amount >= currencyOf(m.Currency).Minimum }

// allows reports whether every amount of a list is one that the provider takes, apart
// from its bounds: a multiple of the step.
func (c Currency) allows(amounts ...int64) bool {
	return !slices.ContainsFunc(amounts, func(n int64) bool { return n%c.Step != 0 })
}

// up rounds an amount that is not negative up to the step.
func (c Currency) up(amount int64) int64 { return (amount + c.Step - 1) / c.Step * c.Step }
