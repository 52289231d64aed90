package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// ends are places at the ends of what is allowed, in pairs.
var ends = [...][2]string{
	{places[0], places[1]},
	{places[2], places[3]},
	{`{"lat":52,"lng":13}`, `{"lat":52.0001,"lng":13}`}, // for the least that a ride costs
	{`{"lat":90,"lng":180}`, `{"lat":89.9,"lng":-180,"label":"` + strings.Repeat("x", 120) + `"}`},
	{`{"lat":-90,"lng":0}`, `{"lat":-89.9,"lng":0}`},
	{`{"lat":50,"lng":13.4,"label":""}`, `{"lat":52.0745,"lng":13.4}`}, // 299,8 kilometers of road
}

// asksForQuote asks for the fare of a ride.
func (w *World) asksForQuote(t *task, who person) {
	pair := ends[w.src.pick("quote", len(ends))]
	_, _ = w.read(t, request{
		who: who, method: http.MethodPost, path: quotePath,
		body: fmt.Sprintf(`{"pickup":%s,"dropoff":%s,"product":%q}`, pair[0], pair[1], products[w.src.pick("product of quote", len(products))]),
	})
}

// isQuoted judges a quote.
func (o *oracle) isQuoted(r request, a answer) {
	o.reach(fareWasQuoted)
	ride := r.wish()
	prices, meters := pricesOf[ride.Product], road(ride.Pickup, ride.Dropoff)
	fare := prices.costs(meters, meters*60/450)
	money := func(n int64) modelMoney { return modelMoney{n, modelCurrency} }
	want, err := json.Marshal(map[string]any{
		"fare": money(fare), "breakdown": map[string]any{
			"tariff": modelTariff, "distance_m": meters, "duration_s": meters * 60 / 450, "hold": money(fare + (fare*25+99)/100),
			"base": money(prices.Base), "per_km": money(prices.PerKM), "per_minute": money(prices.PerMinute), "minimum": money(prices.Minimum),
		},
	})
	var got, wanted any
	if err == nil {
		err = errors.Join(json.Unmarshal(a.body, &got), json.Unmarshal(want, &wanted))
	}
	if err != nil || !reflect.DeepEqual(got, wanted) {
		o.fail("a quote is what a ride costs", "", "%s: %s, want %s (%v)", r.body, a.body, want, err)
	}
}
