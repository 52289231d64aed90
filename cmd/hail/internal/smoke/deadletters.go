package smoke

import (
	"context"
	"errors"
)

func (s *session) deadLetters() {
	if s.target.DeadLetters == nil {
		s.note("not checked: the dead-letter queues (they cannot be read from here)")
		return
	}
	s.check("the dead-letter queues are empty", func() error {
		return NoDeadLetters(s.ctx, s.target.DeadLetters)
	})
}

// NoDeadLetters expects that there are dead-letter queues, and nothing in them.
func NoDeadLetters(ctx context.Context, count func(context.Context) (map[string]int, error)) error {
	counts, err := count(ctx)
	if err != nil {
		return err
	}
	failures := []error{ensure(len(counts) > 0, "no dead-letter queue was found")}
	for queue, n := range counts {
		failures = append(failures, ensure(n == 0, "%d of %s", n, queue))
	}
	return errors.Join(failures...)
}
