package httpapi

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

type quoteRequest struct {
	Pickup  *placeRequest `json:"pickup"`
	Dropoff *placeRequest `json:"dropoff"`
	Product *string       `json:"product"`
}

// quoteBody is the Quote of openapi.yaml.
type quoteBody struct {
	Fare      booking.Money  `json:"fare"`
	Breakdown quoteBreakdown `json:"breakdown"`
}

// quoteBreakdown says how a fare came about: base + km + minutes, rounded once, at
// least the minimum.
type quoteBreakdown struct {
	Tariff    string        `json:"tariff"`
	DistanceM int64         `json:"distance_m"`
	DurationS int64         `json:"duration_s"`
	Base      booking.Money `json:"base"`
	PerKM     booking.Money `json:"per_km"`
	PerMinute booking.Money `json:"per_minute"`
	Minimum   booking.Money `json:"minimum"`
	// Hold is what a booking will hold on the card.
	Hold booking.Money `json:"hold"`
}

func (a *API) quote(w http.ResponseWriter, r *http.Request) error {
	if _, err := knownParams(r); err != nil {
		return err
	}
	var body quoteRequest
	if _, err := readBody(r, &body); err != nil {
		return err
	}
	f := &findings{}
	from, to, product := body.Pickup.place(f, "/pickup"), body.Dropoff.place(f, "/dropoff"), need(f, "/product", body.Product)
	if err := f.err(); err != nil {
		return err
	}
	if err := booking.ValidateQuote(a.Tariff, product, from, to); err != nil {
		return err
	}
	quote, prices := a.Tariff.Quote(product, from, to), a.Tariff.Products[product]
	money := func(amount int64) booking.Money {
		return booking.Money{Amount: amount, Currency: a.Tariff.Currency}
	}
	raw, err := json.Marshal(quoteBody{Fare: quote.Fare, Breakdown: quoteBreakdown{
		Tariff: a.Tariff.ID, DistanceM: quote.DistanceM, DurationS: quote.DurationS,
		Base: money(prices.Base), PerKM: money(prices.PerKM), PerMinute: money(prices.PerMinute),
		Minimum: money(prices.Minimum), Hold: a.Tariff.Hold(quote.Fare),
	}})
	if err != nil {
		return err
	}
	write(w, http.StatusOK, "application/json", raw)
	return nil
}
