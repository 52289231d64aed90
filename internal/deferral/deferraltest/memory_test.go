package deferraltest_test

import (
	"testing"

	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	deferraltest.Run(t, func(*testing.T) deferral.Store { return &deferraltest.Memory{} })
}
