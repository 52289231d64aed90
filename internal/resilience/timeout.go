package resilience

import (
	"context"
	"time"
)

// Timeout gives op at most limit, on top of whatever deadline ctx has.
func Timeout(ctx context.Context, limit time.Duration, op func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return op(ctx)
}
