package booking

import (
	"errors"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// plain is a tariff whose arithmetic can be followed: per kilometer 100, per
// minute 60, at 60 km/h on straight roads.
func plain() Tariff {
	return Tariff{
		ID: "plain", Currency: "EUR", RoadFactorPercent: 100, MetersPerMinute: 1000, HeadroomPercent: 25, MaxDistance: maxMeters,
		Products: map[string]Product{"car": {Base: 200, PerKM: 100, PerMinute: 60, Minimum: 500}},
	}
}

func TestFare(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meters, seconds int64
		want            int64
	}{
		"nothing is driven":              {0, 0, 500},
		"a little":                       {1000, 60, 500},    // 360, by distance and time
		"just the minimum":               {2000, 100, 500},   // 200, 200 and 100
		"a cent over the minimum":        {2010, 100, 501},   // 200, 201 and 100
		"distance and time":              {10000, 600, 1800}, // 200, 1000 and 600
		"only distance":                  {10000, 0, 1200},
		"only time":                      {0, 600, 800},
		"half a cent is rounded up":      {4005, 0, 601},     // 600.5
		"less than half is rounded down": {4004, 0, 600},     // 600.4
		"rounded once, not twice":        {4003, 4000, 4600}, // 4600.3
		"a second more":                  {4004, 1, 601},     // 601.4
		"a way around the world":         {40_000_000, 2_400_000, 6_400_200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Money{Amount: test.want, Currency: "EUR"}
			if got := plain().Products["car"].Fare(test.meters, test.seconds, "EUR"); got != want {
				t.Errorf("fare of %d m and %d s is %v, want %v", test.meters, test.seconds, got, want)
			}
		})
	}
}

// Parts of a cent are added up before they are rounded.
func TestFareRoundsOnce(t *testing.T) {
	t.Parallel()
	tariff := plain()
	tariff.Products = map[string]Product{"car": {PerKM: 1, PerMinute: 1, Minimum: 0}}
	if got := tariff.Products["car"].Fare(300, 18, "EUR").Amount; got != 1 { // 0.6
		t.Errorf("0.3 and 0.3 are %d, want 1", got)
	}
	if got := tariff.Products["car"].Fare(200, 12, "EUR").Amount; got != 0 { // 0.4
		t.Errorf("0.2 and 0.2 are %d, want 0", got)
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ percent, fare, want int64 }{
		{25, 1000, 1250}, {25, 1001, 1252}, {25, 1003, 1254}, {25, 1004, 1255}, {25, 1, 2}, {25, 0, 0}, {0, 1043, 1043}, {100, 7, 14}, {1, 1, 2}, {1, 100, 101},
	} {
		tariff := plain()
		tariff.HeadroomPercent = test.percent
		if got := tariff.Hold(Money{Amount: test.fare, Currency: "EUR"}); got != (Money{Amount: test.want, Currency: "EUR"}) {
			t.Errorf("%d and %d %% are %v, want %d", test.fare, test.percent, got, test.want)
		}
	}
}

// Great-circle distances as published, to the half percent by which the real
// Earth differs from a ball.
func TestDistance(t *testing.T) {
	t.Parallel()
	berlin, sydney := Place{Lat: 52.52, Lng: 13.405}, Place{Lat: -33.8688, Lng: 151.2093}
	for name, test := range map[string]struct {
		from, to Place
		want     float64
	}{
		"nowhere":                    {berlin, berlin, 0},
		"a degree of latitude":       {Place{}, Place{Lat: 1}, 111_195},
		"a degree of the equator":    {Place{}, Place{Lng: 1}, 111_195},
		"a degree at 60 north":       {Place{Lat: 60}, Place{Lat: 60, Lng: 1}, 55_597},
		"over the date line":         {Place{Lng: 179.5}, Place{Lng: -179.5}, 111_195},
		"the poles":                  {Place{Lat: 90}, Place{Lat: -90}, 20_015_115},
		"the other side":             {Place{}, Place{Lng: 180}, 20_015_115},
		"a pole has no longitude":    {Place{Lat: 90, Lng: 13}, Place{Lat: 90, Lng: -120}, 0},
		"Berlin to Paris":            {berlin, Place{Lat: 48.8566, Lng: 2.3522}, 877_500},
		"Berlin to Sydney":           {berlin, sydney, 16_096_000},
		"two ends of Alexanderplatz": {berlin, Place{Lat: 52.5209, Lng: 13.405}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := float64(plain().Distance(test.from, test.to))
			if math.Abs(got-test.want) > test.want*0.005 {
				t.Errorf("%.0f m, want %.0f", got, test.want)
			}
		})
	}
}

func TestRoadsAreLongerThanLines(t *testing.T) {
	t.Parallel()
	tariff := plain()
	tariff.RoadFactorPercent = 130
	from, to := Place{}, Place{Lat: 1}
	if line, road := plain().Distance(from, to), tariff.Distance(from, to); road != line*130/100 {
		t.Errorf("a line of %d m is a road of %d m, want 1.3 times as much", line, road)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	got := plain().Quote("car", Place{}, Place{Lat: 1}) // 111,195 m at 1,000 m/min
	want := Quote{Fare: Money{Amount: 17991, Currency: "EUR"}, DistanceM: 111195, DurationS: 6671}
	if got != want {
		t.Errorf("the quote is %+v, want %+v", got, want)
	}
}

// What holds for every ride of up to some hundred kilometers, under every tariff.
func TestFareProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tariff := drawTariff(t)
		if err := tariff.validate(); err != nil {
			t.Fatalf("%+v: %v", tariff, err)
		}
		from := Place{Lat: rapid.Float64Range(-90, 90).Draw(t, "lat"), Lng: rapid.Float64Range(-180, 180).Draw(t, "lng")}
		offset := rapid.Float64Range(-5, 5)
		to := Place{
			Lat: min(90, max(-90, from.Lat+offset.Draw(t, "to the north"))),
			Lng: min(180, max(-180, from.Lng+offset.Draw(t, "to the east"))),
		}
		quote := tariff.Quote("car", from, to)
		hold := tariff.Hold(quote.Fare)

		if back := tariff.Quote("car", to, from); back != quote {
			t.Fatalf("there it is %+v, back %+v", quote, back)
		}
		if p := tariff.Products["car"]; quote.Fare.Amount < max(p.Minimum, p.Base) || quote.Fare.Currency != tariff.Currency {
			t.Fatalf("a fare of %v with a base of %d and a minimum of %d", quote.Fare, p.Base, p.Minimum)
		}
		if quote.DistanceM < 0 || quote.DurationS < 0 {
			t.Fatalf("a ride of %+v", quote)
		}
		if hold.Amount < quote.Fare.Amount || hold.Amount*100 < quote.Fare.Amount*(100+tariff.HeadroomPercent) {
			t.Fatalf("a hold of %v for %v and %d %%", hold, quote.Fare, tariff.HeadroomPercent)
		}
		if further := tariff.Products["car"].Fare(quote.DistanceM+1000, quote.DurationS+60, "EUR"); further.Amount < quote.Fare.Amount {
			t.Fatalf("a longer ride costs %v, a shorter %v", further, quote.Fare)
		}
	})
}

// drawTariff draws any tariff that validation lets pass.
func drawTariff(t *rapid.T) Tariff {
	price := rapid.Int64Range(0, highestPrice)
	return Tariff{
		ID: "drawn", Currency: "EUR",
		RoadFactorPercent: rapid.Int64Range(100, 1000).Draw(t, "road factor"), MetersPerMinute: rapid.Int64Range(1, 10_000).Draw(t, "speed"),
		HeadroomPercent: rapid.Int64Range(0, 1000).Draw(t, "headroom"), MaxDistance: rapid.Int64Range(1, maxMeters).Draw(t, "longest"),
		Fees: Fees{Cancellation: price.Draw(t, "cancellation"), NoShow: price.Draw(t, "no-show")},
		Products: map[string]Product{"car": {
			Base: price.Draw(t, "base"), PerKM: price.Draw(t, "per km"), PerMinute: price.Draw(t, "per minute"),
			Minimum: rapid.Int64Range(currencyOf("EUR").Minimum, highestPrice).Draw(t, "minimum"),
		}},
	}
}

// dearest is a tariff with every number as high as validation lets it be, and the
// slowest cars.
func dearest() Tariff {
	return Tariff{
		ID: "dearest", Currency: "EUR", RoadFactorPercent: 1000, MetersPerMinute: 1, HeadroomPercent: 1000, MaxDistance: maxMeters,
		Fees: Fees{Cancellation: highestPrice, NoShow: highestPrice},
		Products: map[string]Product{"car": {
			Base: highestPrice, PerKM: highestPrice, PerMinute: highestPrice, Minimum: highestPrice,
		}},
	}
}

// exactFare is the fare by numbers that cannot overflow.
func exactFare(p Product, meters, seconds int64) *big.Int {
	term := func(factors ...int64) *big.Int {
		product := big.NewInt(1)
		for _, f := range factors {
			product.Mul(product, big.NewInt(f))
		}
		return product
	}
	const scale = 60_000
	sum := term(p.Base, scale)
	sum.Add(sum, term(p.PerKM, meters, 60))
	sum.Add(sum, term(p.PerMinute, seconds, 1000))
	sum.Add(sum, big.NewInt(scale/2)).Quo(sum, big.NewInt(scale))
	if least := big.NewInt(p.Minimum); sum.Cmp(least) < 0 {
		return least
	}
	return sum
}

// No fare and no hold of a ride that validation lets pass overflows: neither the
// quote's, however slow the tariff's cars, nor the one of what was really driven.
func TestNoFareInBoundsOverflows(t *testing.T) {
	t.Parallel()
	check := func(t rapid.TB, tariff Tariff, meters, seconds int64) {
		t.Helper()
		fare := tariff.Products["car"].Fare(meters, seconds, "EUR")
		exact := exactFare(tariff.Products["car"], meters, seconds)
		if big.NewInt(fare.Amount).Cmp(exact) != 0 {
			t.Fatalf("%d m and %d s cost %d, exactly %s", meters, seconds, fare.Amount, exact)
		}
		extra := new(big.Int).Mul(exact, big.NewInt(tariff.HeadroomPercent))
		extra.Add(extra, big.NewInt(99)).Quo(extra, big.NewInt(100))
		const exactInEveryReader = 1<<53 - 1
		hold := tariff.Hold(fare)
		if big.NewInt(hold.Amount).Cmp(extra.Add(extra, exact)) != 0 || hold.Amount > exactInEveryReader {
			t.Fatalf("the hold for %d is %d, exactly %s", fare.Amount, hold.Amount, extra)
		}
	}
	tariff := dearest()
	if err := tariff.validate(); err != nil {
		t.Fatalf("the dearest tariff: %v", err)
	}
	check(t, tariff, maxMeters, maxMeters*60/tariff.MetersPerMinute)
	check(t, tariff, maxMeters, maxSeconds)
	rapid.Check(t, func(t *rapid.T) {
		tariff := drawTariff(t)
		quoted := rapid.Int64Range(0, tariff.MaxDistance).Draw(t, "quoted")
		check(t, tariff, quoted, quoted*60/tariff.MetersPerMinute)
		check(t, tariff, rapid.Int64Range(0, maxMeters).Draw(t, "meters"), rapid.Int64Range(0, maxSeconds).Draw(t, "seconds"))
	})
}

// Every bound of a tariff lies where it is said to: the last value inside is
// taken, the first outside is not.
func TestTheBoundsOfATariff(t *testing.T) {
	t.Parallel()
	product := func(change func(*Product, int64)) func(*Tariff, int64) {
		return func(t *Tariff, n int64) {
			p := t.Products["car"]
			change(&p, n)
			t.Products = map[string]Product{"car": p}
		}
	}
	for name, test := range map[string]struct {
		set         func(*Tariff, int64)
		least, most int64
	}{
		"road factor":  {func(t *Tariff, n int64) { t.RoadFactorPercent = n }, 100, 1000},
		"speed":        {func(t *Tariff, n int64) { t.MetersPerMinute = n }, 1, 10_000},
		"headroom":     {func(t *Tariff, n int64) { t.HeadroomPercent = n }, 0, 1000},
		"longest ride": {func(t *Tariff, n int64) { t.MaxDistance = n }, 1, 2_000_000},
		"cancellation": {func(t *Tariff, n int64) { t.Fees.Cancellation = n }, 0, 1_000_000},
		"no-show":      {func(t *Tariff, n int64) { t.Fees.NoShow = n }, 0, 1_000_000},
		"base":         {product(func(p *Product, n int64) { p.Base = n }), 0, 1_000_000},
		"kilometer":    {product(func(p *Product, n int64) { p.PerKM = n }), 0, 1_000_000},
		"minute":       {product(func(p *Product, n int64) { p.PerMinute = n }), 0, 1_000_000},
		"minimum":      {product(func(p *Product, n int64) { p.Minimum = n }), 50, 1_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, good := range map[int64]bool{
				test.least: true, test.most: true, test.least - 1: false, test.most + 1: false, math.MinInt64: false, math.MaxInt64: false,
			} {
				tariff := plain()
				test.set(&tariff, n)
				if err := tariff.validate(); (err == nil) != good {
					t.Errorf("%d: %v, taken should be %v", n, err, good)
				}
			}
		})
	}
}

// What a ride may be is bounded, too; the same distance bounds tariffs, so that
// every quoted ride can be completed.
func TestTheBoundsOfARide(t *testing.T) {
	t.Parallel()
	inProgress := State{
		Version: 8, Status: InProgress, Fare: Money{Amount: 700, Currency: "EUR"}, Prices: dearest().Products["car"],
		Payment: Payment{Status: PaymentIsAuthorized, Authorized: 875},
	}
	for name, test := range map[string]struct {
		meters, seconds int64
		good            bool
	}{
		"nothing":        {0, 0, true},
		"the most":       {maxMeters, maxSeconds, true},
		"too far":        {maxMeters + 1, 0, false},
		"too long":       {0, maxSeconds + 1, false},
		"backwards":      {-1, 0, false},
		"back in time":   {0, -1, false},
		"every number":   {math.MaxInt64, math.MaxInt64, false},
		"every negative": {math.MinInt64, math.MinInt64, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Decide(inProgress, Complete{DistanceM: test.meters, DurationS: test.seconds})
			if !test.good {
				var rejected *Rejection
				if !errors.As(err, &rejected) || rejected.Code != CodeValidationFailed {
					t.Errorf("got %v, %v; want a refusal", got, err)
				}
				return
			}
			// Whatever it costs: never more than is held.
			want := []Event{RideCompleted{DistanceM: test.meters, DurationS: test.seconds, Fare: Money{Amount: 875, Currency: "EUR"}}}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestEveryTariffOfTheBuildIsValid(t *testing.T) {
	t.Parallel()
	ids := TariffIDs()
	if !slices.Contains(ids, "standard-2026") {
		t.Fatalf("the tariffs are %v, without the default", ids)
	}
	for _, id := range ids {
		tariff, err := LoadTariff(id)
		if err != nil || tariff.ID != id {
			t.Errorf("tariff %s is %s: %v", id, tariff.ID, err)
		}
	}
}

func TestTheDefaultTariff(t *testing.T) {
	t.Parallel()
	tariff, err := LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"premium", "standard", "xl"}, tariff.ProductNames()); diff != "" {
		t.Errorf("products (-want +got):\n%s", diff)
	}
	from, to := Place{Lat: 52.52, Lng: 13.405}, Place{Lat: 52.5251, Lng: 13.3694} // 2,472 m of line, 3,214 m of road, 428 s
	want := map[string]int64{"standard": 1043, "xl": 1521, "premium": 2021}
	got := map[string]int64{}
	for name := range maps.Keys(want) {
		got[name] = tariff.Quote(name, from, to).Fare.Amount
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fares (-want +got):\n%s", diff)
	}
}

func TestATariffThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "nothing", "../decide", "standard-2026.json", "/etc/passwd", "*"} {
		if _, err := LoadTariff(id); err == nil || !strings.Contains(err.Error(), "standard-2026") {
			t.Errorf("tariff %q: %v, want an error that says which there are", id, err)
		}
	}
}

const good = `{"id":"x","currency":"EUR","road_factor_percent":130,"meters_per_minute":450,"headroom_percent":25,"max_distance_m":300000,` +
	`"fees":{"cancellation":500,"no_show":800},"products":{"car":{"base":250,"per_km":180,"per_minute":30,"minimum":700}}}`

func TestABadTariffIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := parseTariff([]byte(good)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, edit := range map[string][2]string{
		"no JSON":                {`{"id"`, `"id"`},
		"an unknown field":       {`{"id"`, `{"colour":"red","id"`},
		"a field twice":          {`{"id"`, `{"id":"y","id"`},
		"an unknown price":       {`"base"`, `"surge":2,"base"`},
		"a price with a decimal": {`250`, `2.50`},
		"a price as text":        {`250`, `"250"`},
		"no currency":            {`"currency":"EUR",`, ``},
		"a small currency":       {`"EUR"`, `"eur"`},
		"a currency of digits":   {`"EUR"`, `"978"`},
		"a long currency":        {`"EUR"`, `"EURO"`},
		"a road shorter than it": {`130`, `99`},
		"no road factor":         {`"road_factor_percent":130,`, ``},
		"no speed":               {`450`, `0`},
		"a negative speed":       {`450`, `-1`},
		"no longest ride":        {`300000`, `0`},
		"a ride to the moon":     {`300000`, `384400000`},
		"a longest ride too far": {`300000`, `2000001`},
		"a price of a house":     {`"base":250`, `"base":1000001`},
		"more headroom than 10x": {`25,`, `1001,`},
		"a negative headroom":    {`25,`, `-1,`},
		"a negative fee":         {`500`, `-1`},
		"a negative no-show fee": {`800`, `-800`},
		"no products":            {`{"car":{"base":250,"per_km":180,"per_minute":30,"minimum":700}}`, `{}`},
		"a negative base":        {`250`, `-1`},
		"a negative kilometer":   {`180`, `-1`},
		"a negative minute":      {`"per_minute":30`, `"per_minute":-1`},
		"a minimum below a card": {`700`, `49`},
		"no minimum":             {`,"minimum":700`, ``},
		"areas of none":          {`"fees"`, `"areas":[],"fees"`},
		"an area upside down":    {`"fees"`, `"areas":[{"south":53,"west":13,"north":52,"east":14}],"fees"`},
		"an area of a line":      {`"fees"`, `"areas":[{"south":52,"west":13,"north":52,"east":14}],"fees"`},
		"an area west of east":   {`"fees"`, `"areas":[{"south":52,"west":170,"north":53,"east":-170}],"fees"`},
		"an area of no width":    {`"fees"`, `"areas":[{"south":52,"west":13,"north":53,"east":13}],"fees"`},
		"an area past the pole":  {`"fees"`, `"areas":[{"south":52,"west":13,"north":91,"east":14}],"fees"`},
		"an area past the south": {`"fees"`, `"areas":[{"south":-91,"west":13,"north":53,"east":14}],"fees"`},
		"an area past the date":  {`"fees"`, `"areas":[{"south":52,"west":13,"north":53,"east":181}],"fees"`},
		"an area before it":      {`"fees"`, `"areas":[{"south":52,"west":-181,"north":53,"east":14}],"fees"`},
		"the second area is bad": {`"fees"`, `"areas":[{"south":52,"west":13,"north":53,"east":14},{"south":0,"west":0,"north":0,"east":0}],"fees"`},
		"an area in other words": {`"fees"`, `"areas":[{"lat":52}],"fees"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := strings.Replace(good, edit[0], edit[1], 1)
			if bad == good {
				t.Fatal("the edit changes nothing")
			}
			if tariff, err := parseTariff([]byte(bad)); err == nil {
				t.Errorf("%s was taken: %+v", bad, tariff)
			}
		})
	}
}
