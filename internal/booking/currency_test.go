package booking

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The rows that Stripe documents as special: zero and three decimals, ISK and UGX with
// two that must be zero, HUF and TWD that are paid out in whole units.
func TestCurrenciesWithRulesOfTheirOwn(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		decimals int
		step     int64
	}{
		"EUR": {2, 1}, "USD": {2, 1},
		"JPY": {0, 1}, "KRW": {0, 1},
		"BHD": {3, 10}, "JOD": {3, 10}, "KWD": {3, 10}, "OMR": {3, 10}, "TND": {3, 10},
		"ISK": {2, 100}, "UGX": {2, 100}, "HUF": {2, 100}, "TWD": {2, 100},
	} {
		if got, ok := CurrencyOf(code); !ok || got.Decimals != want.decimals || got.Step != want.step {
			t.Errorf("%s is %+v (%t), want %d decimals in steps of %d", code, got, ok, want.decimals, want.step)
		}
	}
}

// Minimum amounts as Stripe publishes them, for some rows.
func TestMinimumCharges(t *testing.T) {
	t.Parallel()
	for code, least := range map[string]int64{"EUR": 50, "GBP": 30, "CZK": 1500, "HUF": 17_500, "JPY": 50, "MXN": 1000, "SEK": 300} {
		if !(Money{Amount: least, Currency: code}).Chargeable() {
			t.Errorf("%d %s is not chargeable", least, code)
		}
		if (Money{Amount: least - 1, Currency: code}).Chargeable() {
			t.Errorf("%d %s is chargeable", least-1, code)
		}
	}
}

func TestEveryCurrencyIsSound(t *testing.T) {
	t.Parallel()
	if !slices.IsSortedFunc(currencies, func(a, b Currency) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("the table is not in order, or has a currency twice")
	}
	for i, c := range currencies {
		switch {
		case i > 0 && currencies[i-1].Code == c.Code:
			t.Errorf("%s is there twice", c.Code)
		case c.Minimum < 1 || c.Maximum <= c.Minimum || c.Maximum > 99_999_999 || c.Step < 1:
			t.Errorf("%+v has bounds that are none", c)
		case !c.allows(c.Minimum, c.Maximum):
			t.Errorf("%+v has bounds that are no multiples of its step", c)
		}
	}
}

// A stored amount stays readable when its currency leaves the table.
func TestAnUnknownCurrencyIsLikeMost(t *testing.T) {
	t.Parallel()
	if _, ok := CurrencyOf("XTS"); ok {
		t.Error("XTS, reserved for tests, is a currency of tariffs")
	}
	if m := (Money{Amount: 49, Currency: "XTS"}); m.Chargeable() {
		t.Error("49 of an unknown currency is chargeable")
	}
	if m := (Money{Amount: 50, Currency: "XTS"}); !m.Chargeable() {
		t.Error("50 of an unknown currency is not chargeable")
	}
}

// Whatever is driven, in whatever currency: what is quoted, held and charged is an
// amount that the provider takes.
func TestFaresAndHoldsFitTheStepOfTheirCurrency(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(currencies).Draw(t, "currency")
		tariff := drawTariff(t)
		car := tariff.Products["car"]
		car.Minimum = c.up(car.Minimum)
		fare := car.Fare(rapid.Int64Range(0, 300_000).Draw(t, "meters"), rapid.Int64Range(0, 20_000).Draw(t, "seconds"), c.Code)
		hold := tariff.Hold(fare)
		if !c.allows(fare.Amount, hold.Amount) {
			t.Fatalf("a fare of %v and a hold of %v are no multiples of %d", fare, hold, c.Step)
		}
		if hold.Amount*100 < fare.Amount*(100+tariff.HeadroomPercent) {
			t.Fatalf("a hold of %v for %v and %d %%", hold, fare, tariff.HeadroomPercent)
		}
	})
}

// 4.5 kronur are 4 or 5, never 4.50: by hand, since a property does not see which.
func TestFaresAreRoundedHalfUpToTheStep(t *testing.T) {
	t.Parallel()
	p := Product{PerKM: 100}
	for meters, want := range map[int64]int64{4499: 400, 4500: 500, 4501: 500, 5499: 500} {
		if got := p.Fare(meters, 0, "ISK").Amount; got != want {
			t.Errorf("%d m at 1 krona a kilometer are %d, want %d", meters, got, want)
		}
	}
}

func TestATariffMustFitItsCurrency(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string][]string{
		"no such currency":                    {`"EUR"`, `"XTS"`},
		"a currency with other units at ISO":  {`"EUR"`, `"MGA"`},
		"a minimum below the provider's":      {`"EUR"`, `"CZK"`},
		"a fee between two steps":             {`"EUR"`, `"KWD"`, `"cancellation":500`, `"cancellation":505`},
		"a no-show fee between two steps":     {`"EUR"`, `"KWD"`, `"no_show":800`, `"no_show":801`},
		"a minimum between two steps":         {`"EUR"`, `"KWD"`, `"minimum":700`, `"minimum":705`},
		"a ride dearer than a card can carry": {`"per_km":180`, `"per_km":270000`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tariff, err := parseTariff([]byte(strings.NewReplacer(edits...).Replace(good))); err == nil {
				t.Errorf("it was taken: %+v", tariff)
			}
		})
	}
	for name, edits := range map[string][]string{
		"dinars in steps of ten": {`"EUR"`, `"KWD"`},
		"yen":                    {`"EUR"`, `"JPY"`},
		"just what a card takes": {`"per_km":180`, `"per_km":266000`},
	} {
		if _, err := parseTariff([]byte(strings.NewReplacer(edits...).Replace(good))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAmountsOfPeopleFitTheStep(t *testing.T) {
	t.Parallel()
	for amount, fine := range map[int64]bool{0: true, 100: true, 1200: true, 1: false, 99: false, 150: false} {
		v := &validation{}
		v.amount("/fee", Money{Amount: amount, Currency: "HUF"}, "HUF", 100_000)
		if (v.err() == nil) != fine {
			t.Errorf("%d HUF: %v", amount, v.err())
		}
	}
}
