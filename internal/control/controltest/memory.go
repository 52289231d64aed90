package controltest

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/hailstone-rides/hailstone/internal/control"
)

// Memory is a control.Store in memory. The zero value is ready to use.
type Memory struct {
	mu        sync.Mutex
	documents map[string]control.Document
}

var _ control.Store = (*Memory)(nil)

// Get implements control.Store.
func (m *Memory) Get(ctx context.Context, id string) (control.Document, error) {
	if err := ctx.Err(); err != nil {
		return control.Document{}, fmt.Errorf("get %s: %w: %w", id, control.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.documents[id]
	d.Body = bytes.Clone(d.Body)
	return d, nil
}

// Put implements control.Store.
func (m *Memory) Put(ctx context.Context, id string, d control.Document) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put %s: %w: %w", id, control.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.documents[id]
	switch {
	case stored.Revision == d.Revision+1 && bytes.Equal(stored.Body, d.Body):
		return nil
	case stored.Revision != d.Revision:
		return fmt.Errorf("put %s at %d: %w", id, d.Revision, control.ErrConflict)
	}
	if m.documents == nil {
		m.documents = map[string]control.Document{}
	}
	m.documents[id] = control.Document{Body: bytes.Clone(d.Body), Revision: d.Revision + 1}
	return nil
}
