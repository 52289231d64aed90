package readmodeltest_test

import (
	"testing"

	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	readmodeltest.Run(t, func(*testing.T) readmodel.Ledger { return &readmodeltest.Memory{} })
}
