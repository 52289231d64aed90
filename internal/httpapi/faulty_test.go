package httpapi_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// faultyLog is an event store that fails where it is told to.
type faultyLog struct {
	events.Store
	loadErr, appendErr error
	// lost makes an append fail after its effect.
	lost    bool
	appends atomic.Int64
}

func (f *faultyLog) Load(ctx context.Context, id events.StreamID) (events.History, error) {
	if f.loadErr != nil {
		return events.History{}, f.loadErr
	}
	return f.Store.Load(ctx, id)
}

func (f *faultyLog) Append(ctx context.Context, at events.Position, d events.Draft) (events.Appended, error) {
	f.appends.Add(1)
	if f.appendErr != nil {
		return events.Appended{}, f.appendErr
	}
	appended, err := f.Store.Append(ctx, at, d)
	if f.lost {
		return events.Appended{}, errors.Join(events.ErrUnavailable, err)
	}
	return appended, err
}

// faultyViews is a store of views that fails where it is told to, and can show
// what no store would.
type faultyViews struct {
	readmodel.Store
	err    error
	forged *readmodel.View
	panics bool
}

// ByRider implements readmodel.Store.
func (f *faultyViews) ByRider(ctx context.Context, rider booking.RiderID, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	if f.err != nil {
		return nil, readmodel.Place{}, f.err
	}
	return f.Store.ByRider(ctx, rider, after, limit)
}

// Waiting implements readmodel.Store.
func (f *faultyViews) Waiting(ctx context.Context, after readmodel.Place, limit int) ([]readmodel.View, readmodel.Place, error) {
	if f.err != nil {
		return nil, readmodel.Place{}, f.err
	}
	return f.Store.Waiting(ctx, after, limit)
}

func (f *faultyViews) Get(ctx context.Context, id booking.ID) (readmodel.View, bool, error) {
	switch {
	case f.panics:
		panic("secret: out of luck")
	case f.err != nil:
		return readmodel.View{}, false, f.err
	case f.forged != nil:
		return *f.forged, true, nil
	default:
		return f.Store.Get(ctx, id)
	}
}
