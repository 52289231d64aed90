package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// Document is what is stored under an id. Revision 0 is a document that was never
// stored; every Put adds 1.
type Document struct {
	Body     []byte
	Revision int64
}

// Store keeps documents. It is safe for concurrent use and shares no memory with
// its callers.
type Store interface {
	// Get returns the document with an id, with every Put that was acknowledged
	// before; the zero Document where there is none. It returns ErrUnavailable
	// when the store could not be read.
	Get(ctx context.Context, id string) (Document, error)
	// Put stores d.Body as the successor of d.Revision. It returns ErrConflict
	// when another body was stored there meanwhile, or another write was under way
	// at the document, and ErrUnavailable when the outcome is unknown: in both cases
	// get the document to learn it. The same body stored by another caller counts as
	// stored.
	Put(ctx context.Context, id string, d Document) error
}

// The errors of a store. Callers compare with errors.Is.
var (
	ErrConflict    = errors.New("the document was changed by somebody else")
	ErrUnavailable = errors.New("the store of control documents is unavailable")
)

// Read returns the document with an id as a T, and its revision. Members that T
// does not have are passed over: a T may be a part of what is stored.
func Read[T any](ctx context.Context, s Store, id string) (value T, revision int64, err error) {
	d, err := s.Get(ctx, id)
	if err != nil || d.Revision == 0 {
		return value, 0, err
	}
	if err := json.Unmarshal(d.Body, &value); err != nil {
		return value, 0, fmt.Errorf("document %s: %w", id, err)
	}
	return value, d.Revision, nil
}

// Write stores value as the successor of the given revision.
func Write[T any](ctx context.Context, s Store, id string, value T, revision int64) error {
	body, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode document %s: %w", id, err)
	}
	return s.Put(ctx, id, Document{Body: body, Revision: revision})
}
