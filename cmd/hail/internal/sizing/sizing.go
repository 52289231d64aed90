// Package sizing relates the rates of a deployment to each other: how many rides a second the parameters carry, and which
// parameters a number of rides a second needs. docs/DEPLOY.md has its results as a table, which a test derives.
//
// The milliseconds are assumptions, those of docs/COSTS.md, until a deployment on AWS has measured them. The counts of
// a ride are measured there.
package sizing

import (
	"math"
	"time"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// What a ride costs, from the request to the captured payment. A test compares them with docs/COSTS.md, which is metered.
const (
	PaymentsPerRide = 2  // invocations of the payment function: to authorize, to capture
	CallsPerRide    = 4  // calls of the payment provider: create, confirm, retrieve, capture
	HintsPerRide    = 8  // hints to the projector
	CommitsPerRide  = 8  // commits, each a record of the stream
	WritesPerRide   = 38 // write units of DynamoDB, in both tables
	EntriesPerRide  = 9  // events for a bus, if there is one
)

// What an invocation takes, as docs/COSTS.md assumes.
const (
	PaymentTime = 1500 * time.Millisecond
	ProjectTime = 20 * time.Millisecond
	RelayTime   = 10 * time.Millisecond
)

// Assumptions about those who use the API, and about what is a healthy load.
const (
	ReadsPerRide    = 10                     // of one booking, on one route: an app that polls
	RequestsPerRide = 20                     // in all: commands, reads, lists, quotes
	RequestTime     = 100 * time.Millisecond // that one request holds an environment, with room for slow ones
	PeakFactor      = 2                      // of a second beside the average one
	Utilization     = 0.8                    // of a capacity that may be planned with
)

// What Stripe accepts in a second by default, in live mode, in a sandbox, and of one endpoint:
// https://docs.stripe.com/rate-limits, read in November 2026.
const (
	ProviderLive     = 100
	ProviderSandbox  = 25
	ProviderEndpoint = 25
)

// ProviderRides is how many rides a second Stripe's default limits allow, in live mode and in a sandbox: a ride calls each
// of its endpoints once.
func ProviderRides() (live, sandbox float64) {
	return min(ProviderEndpoint, math.Floor(1.0*ProviderLive/CallsPerRide)), min(ProviderEndpoint, math.Floor(1.0*ProviderSandbox/CallsPerRide))
}

// Fixed numbers of template.yaml; a test compares them.
const (
	ProjectorConcurrency = 20
	RebuildConcurrency   = 8
	SweeperConcurrency   = 1
	LeastUnreserved      = 100 // Lambda keeps as much of an account's concurrency unreserved
	NewTableShards       = 4   // of the stream of a new on-demand table: 4,000 write units of 1,000 for a partition
)

// An index takes 1,000 writes a second for each value of its partition key, whatever the quotas of the table: Amazon
// DynamoDB Developer Guide, "Best practices for designing and using partition keys effectively". So the shards that the
// code gives an index bound the rides. The writes are those of docs/COSTS.md.
const (
	PartitionWrites = 1000
	WaitingWrites   = 2 // of a ride: it enters the list of those who wait for a driver, and leaves it
	DeadlineWrites  = 12
	FirstWrites     = 1
)

// ShardRides is how many rides a second the shards of the indexes carry: of those who wait, of deadlines, of first commits.
func ShardRides() (waiting, deadlines, firsts float64) {
	return readmodel.WaitingShards * PartitionWrites / WaitingWrites,
		math.Floor(1.0 * readmodel.DeadlineShards * PartitionWrites / DeadlineWrites), events.FirstShards * PartitionWrites / FirstWrites
}

// Parameters are those of template.yaml that rates depend on.
type Parameters struct {
	BookingRateLimit   float64 // new bookings a second that the API admits
	ApiBurstLimit      float64 //nolint:revive,staticcheck // the name is that of the template's parameter
	ApiRateLimit       float64 //nolint:revive,staticcheck // as above
	PaymentConcurrency float64
	BookingReserved    float64 // 0: none
	RelayReserved      float64 // 0: none
}

// For returns the parameters for so many new rides a second, and no smaller than those of small, the defaults.
func For(rides float64, small Parameters) Parameters {
	p := small
	p.BookingRateLimit = max(p.BookingRateLimit, rides)
	p.PaymentConcurrency = max(p.PaymentConcurrency, math.Ceil(rides*PaymentsPerRide*PaymentTime.Seconds()/Utilization))
	p.ApiRateLimit = max(p.ApiRateLimit, rides*ReadsPerRide*PeakFactor)
	p.ApiBurstLimit = max(p.ApiBurstLimit, 2*p.ApiRateLimit)
	return p
}

// PaymentsPerSecond is how many invocations of the payment function end in a second.
func (p Parameters) PaymentsPerSecond() float64 { return p.PaymentConcurrency / PaymentTime.Seconds() }

// Rides is how many rides a second the payment function carries.
func (p Parameters) Rides() float64 { return Utilization * p.PaymentsPerSecond() / PaymentsPerRide }

// ProjectorRides is how many rides a second the projector carries, were each hint a batch of its own.
func ProjectorRides() float64 {
	return Utilization * ProjectorConcurrency / ProjectTime.Seconds() / HintsPerRide
}

// RelayRides is how many rides a second the relay carries with so many shards, were each record a batch of its own.
func RelayRides(shards float64) float64 {
	return Utilization * shards / RelayTime.Seconds() / CommitsPerRide
}

// RelayShards is how many relays run at once for so many rides a second: one for each shard of the stream.
func RelayShards(rides float64) float64 {
	return max(NewTableShards, math.Ceil(rides/RelayRides(1)))
}

// Spare is how many payments a second are left while rides begin at the admitted rate: what works off a backlog.
func (p Parameters) Spare() float64 {
	return p.PaymentsPerSecond() - PaymentsPerRide*p.BookingRateLimit
}

// Drain is how long a backlog of so many payments lasts while rides go on beginning at the admitted rate.
func (p Parameters) Drain(payments float64) time.Duration {
	if p.Spare() <= 0 {
		return math.MaxInt64 // it grows for ever
	}
	return time.Duration(payments / p.Spare() * float64(time.Second))
}

// Wait is how long the last booking of an outage of the provider waits for its payment, if work comes back oldest first:
// for the authorizations and captures of all before it.
func (p Parameters) Wait(outage time.Duration) time.Duration {
	return time.Duration(float64(outage) * PaymentsPerRide * p.BookingRateLimit / p.PaymentsPerSecond())
}

// BookingConcurrency is how many environments of the booking function so many rides a second keep busy.
func BookingConcurrency(rides float64) float64 {
	return math.Ceil(rides * RequestsPerRide * RequestTime.Seconds())
}

// Concurrency is how much of the account's concurrency the parameters use at most, and how much of it they reserve.
type Concurrency struct{ Used, Reserved float64 }

// Concurrency adds up the functions. reserve is the parameter ReserveConcurrency, bus whether there is an event bus.
func (p Parameters) Concurrency(reserve, bus bool) Concurrency {
	readers := 1.0 // of the stream
	if bus {
		readers = 2
	}
	queues := p.PaymentConcurrency + ProjectorConcurrency + RebuildConcurrency + SweeperConcurrency
	relay := max(p.RelayReserved, RelayShards(p.BookingRateLimit))
	c := Concurrency{
		Used:     max(p.BookingReserved, BookingConcurrency(p.BookingRateLimit)) + readers*relay + queues,
		Reserved: p.BookingReserved + readers*p.RelayReserved,
	}
	if reserve {
		c.Reserved += queues
	}
	return c
}

// AccountConcurrency is the limit of an account that the parameters fit into.
func (p Parameters) AccountConcurrency(bus bool) float64 {
	return p.Concurrency(true, bus).Used + LeastUnreserved
}
