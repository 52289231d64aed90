package booking

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Tariff says what a ride costs. All amounts are in minor units of Currency.
// Tariffs are files of the build, versioned by their id: a change is a new file.
type Tariff struct {
	ID       string `json:"id"`
	Currency string `json:"currency"`
	// RoadFactorPercent turns a straight line into a road: 130 adds 30 %.
	RoadFactorPercent int64 `json:"road_factor_percent"`
	// MetersPerMinute is the average speed that a quote assumes.
	MetersPerMinute int64 `json:"meters_per_minute"`
	// HeadroomPercent is held on top of the quote, for the longer ride.
	HeadroomPercent int64 `json:"headroom_percent"`
	// MaxDistance is the longest ride, in meters of road.
	MaxDistance int64 `json:"max_distance_m"`
	// Areas are where rides begin and end; none means everywhere.
	Areas    []Area             `json:"areas,omitzero"`
	Fees     Fees               `json:"fees"`
	Products map[string]Product `json:"products"`
}

// Fees are what a booking costs that is not driven.
type Fees struct {
	Cancellation int64 `json:"cancellation"`
	NoShow       int64 `json:"no_show"`
}

// Product is one kind of ride.
type Product struct {
	Base      int64 `json:"base"`
	PerKM     int64 `json:"per_km"`
	PerMinute int64 `json:"per_minute"`
	Minimum   int64 `json:"minimum"`
}

// Quote is a fare and how it came about.
type Quote struct {
	Fare      Money
	DistanceM int64
	DurationS int64
}

//go:embed tariffs/*.json
var tariffFiles embed.FS

// LoadTariff returns the tariff of the build with the given id.
func LoadTariff(id string) (Tariff, error) {
	raw, err := tariffFiles.ReadFile("tariffs/" + id + ".json")
	if err != nil {
		return Tariff{}, fmt.Errorf("tariff %q is not in this build, which has %s", id, strings.Join(TariffIDs(), ", "))
	}
	t, err := parseTariff(raw)
	if err != nil {
		return Tariff{}, fmt.Errorf("tariff %q: %w", id, err)
	}
	if t.ID != id {
		return Tariff{}, fmt.Errorf("tariff %q: its file says that it is %q", id, t.ID)
	}
	return t, nil
}

// TariffIDs returns the ids of all tariffs of the build.
func TariffIDs() []string {
	files, _ := fs.Glob(tariffFiles, "tariffs/*.json") // the pattern is constant and valid
	ids := make([]string, len(files))
	for i, f := range files {
		ids[i] = strings.TrimSuffix(strings.TrimPrefix(f, "tariffs/"), ".json")
	}
	return ids
}

func parseTariff(raw []byte) (Tariff, error) {
	var t Tariff
	if err := json.UnmarshalRead(bytes.NewReader(raw), &t, json.RejectUnknownMembers(true)); err != nil {
		return Tariff{}, err
	}
	if err := t.validate(); err != nil {
		return Tariff{}, err
	}
	return t, t.fits()
}

func (t Tariff) validate() error {
	currency, known := CurrencyOf(t.Currency)
	switch {
	case !known:
		return fmt.Errorf("currency %q is not one that cards can be charged in, see currency.go", t.Currency)
	case !within(100, t.RoadFactorPercent, 1000):
		return fmt.Errorf("road_factor_percent %d is not from 100 to 1000", t.RoadFactorPercent)
	case !within(1, t.MetersPerMinute, 10_000) || !within(1, t.MaxDistance, maxMeters):
		return fmt.Errorf("meters_per_minute must be from 1 to 10000, max_distance_m from 1 to %d", maxMeters)
	case !within(0, t.HeadroomPercent, 1000) || !within(0, t.Fees.Cancellation, highestPrice) || !within(0, t.Fees.NoShow, highestPrice):
		return fmt.Errorf("headroom must be from 0 to 1000 percent, fees from 0 to %d", highestPrice)
	case !currency.allows(t.Fees.Cancellation, t.Fees.NoShow):
		return fmt.Errorf("fees must be multiples of %d in %s", currency.Step, t.Currency)
	case len(t.Products) == 0:
		return fmt.Errorf("there are no products")
	case t.Areas != nil && len(t.Areas) == 0:
		return fmt.Errorf("areas must be left out, or name at least one")
	}
	for i, a := range t.Areas {
		if err := a.validate(); err != nil {
			return fmt.Errorf("area %d: %w", i+1, err)
		}
	}
	for name, p := range t.Products {
		if err := t.validateProduct(p, currency); err != nil {
			return fmt.Errorf("product %q: %w", name, err)
		}
	}
	return nil
}

func (t Tariff) validateProduct(p Product, currency Currency) error {
	priced := within(0, p.Base, highestPrice) && within(0, p.PerKM, highestPrice) && within(0, p.PerMinute, highestPrice)
	switch {
	case !priced || !within(currency.Minimum, p.Minimum, highestPrice):
		return fmt.Errorf("a price is not from 0 to %d, or the minimum is below %d", highestPrice, currency.Minimum)
	case !currency.allows(p.Minimum):
		return fmt.Errorf("the minimum must be a multiple of %d in %s", currency.Step, currency.Code)
	}
	return nil
}

// fits returns an error if the hold for the longest ride of a valid tariff is more than
// a card can be charged with.
func (t Tariff) fits() error {
	most := currencyOf(t.Currency).Maximum
	for _, name := range t.ProductNames() {
		longest := t.Products[name].Fare(t.MaxDistance, t.duration(t.MaxDistance), t.Currency)
		if hold := t.Hold(longest).Amount; hold > most {
			return fmt.Errorf("product %q: a ride of max_distance_m holds %d, a card takes at most %d in %s", name, hold, most, t.Currency)
		}
	}
	return nil
}

// highestPrice bounds every single price, in minor units. With it no fare of a
// ride that validation lets pass can overflow.
const highestPrice = 1_000_000

func within(least, n, most int64) bool { return least <= n && n <= most }

// ProductNames returns the names of the tariff's products in order.
func (t Tariff) ProductNames() []string { return slices.Sorted(maps.Keys(t.Products)) }

// Quote returns the fare of a ride before it is driven. The product must be one
// of the tariff's.
func (t Tariff) Quote(product string, from, to Place) Quote {
	distance := t.Distance(from, to)
	duration := t.duration(distance)
	return Quote{Fare: t.Products[product].Fare(distance, duration, t.Currency), DistanceM: distance, DurationS: duration}
}

// duration is how many seconds a quote assumes for that many meters.
func (t Tariff) duration(meters int64) int64 { return meters * 60 / t.MetersPerMinute }

// Fare returns the price of a ride of that many meters and seconds, rounded half
// up once, at the end, to the step of the currency.
func (p Product) Fare(meters, seconds int64, currency string) Money {
	const scale = 1000 * 60 // meters per kilometer, seconds per minute
	scaled := p.Base*scale + p.PerKM*meters*60 + p.PerMinute*seconds*1000
	step := scale * currencyOf(currency).Step
	return Money{Amount: max(p.Minimum, (scaled+step/2)/step*(step/scale)), Currency: currency}
}

// Hold returns what to authorize for a fare: the headroom is rounded up.
func (t Tariff) Hold(fare Money) Money {
	headroom := (fare.Amount*t.HeadroomPercent + 99) / 100
	return Money{Amount: currencyOf(fare.Currency).up(fare.Amount + headroom), Currency: fare.Currency}
}

// Distance estimates the road between two places in meters: the great circle
// (haversine formula, mean Earth radius 6,371,009 m, IUGG) times the road factor.
func (t Tariff) Distance(from, to Place) int64 {
	const earthRadius, degree = 6_371_009, math.Pi / 180
	sinLat := math.Sin((to.Lat - from.Lat) * degree / 2)
	sinLng := math.Sin((to.Lng - from.Lng) * degree / 2)
	h := sinLat*sinLat + math.Cos(from.Lat*degree)*math.Cos(to.Lat*degree)*sinLng*sinLng
	line := 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
	return int64(math.Round(line)) * t.RoadFactorPercent / 100
}
