package eventstest_test

import (
	"testing"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	eventstest.Run(t, func(*testing.T) events.Store { return eventstest.NewMemory(events.NewStamp) })
}

func TestMemoryMeetsTransactions(t *testing.T) {
	t.Parallel()
	eventstest.RunContended(t, func(*testing.T) (events.Store, func(int)) {
		m := eventstest.NewMemory(events.NewStamp)
		return m, m.Contend
	})
}

func TestMemoryIsACatalog(t *testing.T) {
	t.Parallel()
	eventstest.RunCatalog(t, func(*testing.T) (events.Store, events.Catalog) {
		m := eventstest.NewMemory(events.NewStamp)
		return m, m
	})
}
