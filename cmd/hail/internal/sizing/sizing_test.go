package sizing_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/plan"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/sizing"
	"github.com/hailstone-rides/hailstone/internal/booking"
)

const root = "../../../../"

func deployment(t *testing.T) *plan.Plan {
	t.Helper()
	tpl, err := plan.ReadTemplate(root + "template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return tpl.Make(plan.Settings{Stack: "rides", Region: "eu-central-1", Parameters: map[string]string{"Stage": "prod", "ReserveConcurrency": "true"}}, "1", nil)
}

func defaults(t *testing.T) sizing.Parameters {
	t.Helper()
	p := deployment(t)
	return sizing.Parameters{
		BookingRateLimit: p.Number("BookingRateLimit"), ApiRateLimit: p.Number("ApiRateLimit"), ApiBurstLimit: p.Number("ApiBurstLimit"),
		PaymentConcurrency: p.Number("PaymentConcurrency"), BookingReserved: p.Number("BookingReservedConcurrency"), RelayReserved: p.Number("RelayReservedConcurrency"),
	}
}

// agree expects that what the API admits is paid for, shown and relayed in time.
func agree(t *testing.T, p sizing.Parameters) {
	t.Helper()
	if p.Rides() < p.BookingRateLimit {
		t.Errorf("PaymentConcurrency=%v pays for %.1f rides a second, BookingRateLimit=%v are admitted", p.PaymentConcurrency, p.Rides(), p.BookingRateLimit)
	}
	if got := sizing.ProjectorRides(); got < p.BookingRateLimit {
		t.Errorf("the projector shows %.1f rides a second, %v are admitted", got, p.BookingRateLimit)
	}
	if got := sizing.RelayRides(sizing.RelayShards(p.BookingRateLimit)); got < p.BookingRateLimit {
		t.Errorf("the relay carries %.1f rides a second, %v are admitted", got, p.BookingRateLimit)
	}
	if p.ApiRateLimit < p.BookingRateLimit*sizing.ReadsPerRide {
		t.Errorf("ApiRateLimit=%v is less than the reads of %v rides", p.ApiRateLimit, p.BookingRateLimit)
	}
	// A burst at once, and the admitted rate behind it.
	if drain := p.Drain(p.ApiBurstLimit); drain > booking.AuthorizeWithin/4 {
		t.Errorf("a burst of %v bookings is paid for after %s, and each expires after %s", p.ApiBurstLimit, drain, booking.AuthorizeWithin)
	}
	// The last booking of an outage as long as a booking may wait still gets its turn in time.
	if wait := p.Wait(booking.AuthorizeWithin); wait >= booking.AuthorizeWithin {
		t.Errorf("the last booking of an outage of %s waits for %s", booking.AuthorizeWithin, wait)
	}
	if waiting, deadlines, firsts := sizing.ShardRides(); min(waiting, deadlines, firsts) < p.BookingRateLimit {
		t.Errorf("the indexes carry %v, %v and %v rides a second, %v are admitted", waiting, deadlines, firsts, p.BookingRateLimit)
	}
}

// The defaults of template.yaml do not contradict each other.
func TestTheDefaultsAgree(t *testing.T) {
	t.Parallel()
	p := defaults(t)
	agree(t, p)
	// Nothing smaller than the defaults is needed for the rides that they admit.
	if diff := cmp.Diff(p, sizing.For(p.BookingRateLimit, p)); diff != "" {
		t.Errorf("the defaults are not enough (-defaults +needed):\n%s", diff)
	}
	// An outage of 10 minutes at a booking a second is worked off within a minute of the provider's return, as far as
	// calls go.
	const outage, within = 10 * time.Minute, time.Minute
	p.BookingRateLimit = 1
	if drain := p.Drain(outage.Seconds()); drain > within {
		t.Errorf("%v payments take %s", outage.Seconds(), drain)
	}
	// The most that the parameters accept is not more than the code carries.
	waiting, _, _ := sizing.ShardRides()
	tpl := deployment(t)
	tpl.Parameters["BookingRateLimit"] = fmt.Sprint(waiting)
	if faults := tpl.Faults(); len(faults) != 1 { // StripeSecretArn
		t.Errorf("BookingRateLimit=%v: %q", waiting, faults)
	}
	tpl.Parameters["BookingRateLimit"] = fmt.Sprint(waiting + 1)
	if faults := tpl.Faults(); len(faults) != 2 {
		t.Errorf("BookingRateLimit=%v is accepted", waiting+1)
	}
}

// A contradiction is found: as the defaults were, 200 bookings a second beside 5 calls at once.
func TestAContradictionIsSeen(t *testing.T) {
	t.Parallel()
	p := defaults(t)
	p.BookingRateLimit, p.PaymentConcurrency = 200, 5
	if p.Rides() >= p.BookingRateLimit || p.Drain(1) != math.MaxInt64 || p.Wait(time.Minute) < time.Hour {
		t.Errorf("%v rides, drains in %s, waits %s", p.Rides(), p.Drain(1), p.Wait(time.Minute))
	}
}

// What does not come from parameters is as in the template.
func TestTheFixedNumbersAreThoseOfTheTemplate(t *testing.T) {
	t.Parallel()
	p := deployment(t)
	for id, want := range map[string]int{
		"ProjectorFunction": sizing.ProjectorConcurrency, "RebuildFunction": sizing.RebuildConcurrency, "SweeperFunction": sizing.SweeperConcurrency,
	} {
		if got := fmt.Sprint(p.Resources[id].Properties["ReservedConcurrentExecutions"]); got != fmt.Sprint(want) {
			t.Errorf("%s: %s in the template, %d here", id, got, want)
		}
	}
}

// page returns a file of docs/.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(root + "docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func says(t *testing.T, name string, lines ...string) {
	t.Helper()
	text := page(t, name)
	for _, line := range lines {
		if !strings.Contains(text, line) {
			t.Errorf("docs/%s does not say\n%s", name, line)
		}
	}
}

// The counts and the milliseconds are those of docs/COSTS.md, whose counts are metered.
func TestTheCountsAreThoseOfTheCosts(t *testing.T) {
	t.Parallel()
	says(t, "COSTS.md",
		fmt.Sprintf("| payment | 256 | %d | 1 | 1 | %d |", sizing.PaymentTime.Milliseconds(), sizing.PaymentsPerRide),
		fmt.Sprintf("| projector | 256 | %d | 1 | 3 | %d |", sizing.ProjectTime.Milliseconds(), sizing.HintsPerRide),
		fmt.Sprintf("| relay | 256 | %d | 1 | 3 | %d |", sizing.RelayTime.Milliseconds(), sizing.CommitsPerRide),
		fmt.Sprintf("| **captured** | **%d** |", sizing.WritesPerRide),
		fmt.Sprintf("| EventBridge entries | 0.000001 | 4 | 4.00 | %d |", sizing.EntriesPerRide),
		fmt.Sprintf("find every stuck booking without reading the others: %d units of a whole ride.", sizing.DeadlineWrites),
		fmt.Sprintf("A captured ride is %d calls of the payment provider", sizing.CallsPerRide),
	)
}

// docs/DEPLOY.md has the parameters for rides a second, and they agree with each other.
func TestTheTableOfRidesASecond(t *testing.T) {
	t.Parallel()
	small := defaults(t)
	var rows []string
	for _, rides := range []float64{small.BookingRateLimit, 10, 25, 50, 100} {
		p := sizing.For(rides, small)
		agree(t, p)
		rows = append(rows, fmt.Sprintf("| %v | %v | %v | %v | %v | %v | %v | %v | %v |", rides, p.BookingRateLimit, p.PaymentConcurrency, p.ApiRateLimit, p.ApiBurstLimit,
			p.AccountConcurrency(false), rides*sizing.CallsPerRide, rides*sizing.WritesPerRide, rides*sizing.EntriesPerRide))
	}
	says(t, "DEPLOY.md", strings.Join(rows, "\n"))
	waiting, deadlines, firsts := sizing.ShardRides()
	live, sandbox := sizing.ProviderRides()
	says(t, "DEPLOY.md",
		fmt.Sprintf("Stripe publishes %d requests a second in live mode, %d in a sandbox, and %d for a single endpoint", sizing.ProviderLive, sizing.ProviderSandbox, sizing.ProviderEndpoint),
		fmt.Sprintf("above %v rides a second, and above %v in a sandbox, ask Stripe", live, sandbox),
		fmt.Sprintf("So %s is the most, whatever the parameters", thousands(min(waiting, deadlines, firsts))),
		fmt.Sprintf("waiting bookings %s, deadlines %s, first commits %s rides a second", thousands(waiting), thousands(deadlines), thousands(firsts)),
		fmt.Sprintf("More than %v rides a second", sizing.ProjectorRides()),
		fmt.Sprintf("`PaymentConcurrency` + %d + %d + %d", sizing.ProjectorConcurrency, sizing.RebuildConcurrency, sizing.SweeperConcurrency),
		fmt.Sprintf("%d write units and %d entries a ride", sizing.WritesPerRide, sizing.EntriesPerRide),
		fmt.Sprintf("a booking must be authorized within %.0f minutes", booking.AuthorizeWithin.Minutes()),
	)
}

func thousands(n float64) string {
	return fmt.Sprintf("%d,%03d", int(n)/1000, int(n)%1000)
}
