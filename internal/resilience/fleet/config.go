package fleet

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Config is how a Breaker behaves. All environments that share one must agree
// on it.
type Config struct {
	// Rules are those of the fleet, and of the environment while it has no store.
	// One probe at a time is made by the whole fleet, whatever Probes says. Changed
	// is told of the changes that this environment makes to the fleet's breaker.
	Rules resilience.BreakerConfig
	// TTL is how long a snapshot is good for, and so how long an operator's word
	// takes to reach everybody.
	TTL time.Duration
	// StoreTimeout bounds each operation of the store.
	StoreTimeout time.Duration
	// FlushEvery is the shortest time between two reports of one environment.
	FlushEvery time.Duration
	// ReportsPerSecond is about how many reports the whole fleet may write.
	ReportsPerSecond int
	// NewID returns an id that nobody had before, for a lease.
	NewID func() string
}

// Defaults returns the configuration of this service for a dependency with such
// rules.
func Defaults(rules resilience.BreakerConfig) Config {
	return Config{
		Rules: rules, TTL: 2 * time.Second, StoreTimeout: 50 * time.Millisecond,
		FlushEvery: 100 * time.Millisecond, ReportsPerSecond: 50,
		NewID: rand.Text,
	}
}

// Watching returns the configuration for whoever makes no calls and only wants to know:
// it has time to read over a new connection, as after a freeze.
func Watching(rules resilience.BreakerConfig) Config {
	c := Defaults(rules)
	c.StoreTimeout = time.Second
	return c
}

func (c Config) check() error {
	switch {
	case c.TTL <= 0 || c.StoreTimeout <= 0 || c.FlushEvery < 0:
		return errors.New("a time below zero")
	case c.ReportsPerSecond < 1:
		return errors.New("no room for reports")
	case c.NewID == nil:
		return errors.New("no ids")
	}
	return nil
}

// width is the length of a bucket.
func (c Config) width() time.Duration { return c.Rules.Window / time.Duration(c.Rules.Buckets) }

func (c Config) epoch(t time.Time) int64 { return t.UnixNano() / int64(c.width()) }

// lag is how many buckets after a failure every environment that ends a call has
// had to read about it.
func (c Config) lag() int64 { return int64((c.TTL+c.width()-1)/c.width()) + 1 }
