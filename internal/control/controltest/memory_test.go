package controltest_test

import (
	"testing"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	controltest.Run(t, func(*testing.T) control.Store { return &controltest.Memory{} })
}
