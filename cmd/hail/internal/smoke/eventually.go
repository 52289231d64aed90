package smoke

import (
	"context"
	"errors"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Eventually repeats try, with a pause between, until it succeeds, patience is over or
// ctx ends. It returns the last error of try, joined with that of ctx.
func Eventually(ctx context.Context, patience, pause time.Duration, try func() error) error {
	for deadline := time.Now().Add(patience); ; {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		if ended := resilience.Sleep(ctx, pause); ended != nil {
			return errors.Join(err, ended)
		}
	}
}
