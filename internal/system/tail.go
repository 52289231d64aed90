package system

import (
	"context"
	"sync"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

// tail is an event store that keeps the change stream which a relay reads.
type tail struct {
	events.Store

	mu   sync.Mutex
	news []relay.Record
}

// Append implements events.Store.
func (t *tail) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	appended, err := t.Store.Append(ctx, at, d)
	if err != nil || appended.Replayed {
		return appended, err
	}
	c := appended.Commit
	r := relay.Record{Stream: c.Stream, Last: c.Last(), Traceparent: c.Trace.Traceparent}
	for _, e := range c.Events {
		r.EventTypes = append(r.EventTypes, e.Type)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.news = append(t.news, r)
	return appended, nil
}

func (t *tail) take() []relay.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	news := t.news
	t.news = nil
	return news
}

func (t *tail) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.news) == 0
}
