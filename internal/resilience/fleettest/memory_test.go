package fleettest_test

import (
	"testing"

	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleettest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	fleettest.Run(t, func(*testing.T) fleet.Store { return &fleettest.Memory{} })
}
