package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

type listPage struct {
	Items      []jsontext.Value `json:"items"`
	NextCursor *string          `json:"next_cursor"`
}

// listBookings lists the caller's own bookings, newest first.
func (a *API) listBookings(w http.ResponseWriter, r *http.Request) error {
	return a.list(w, r, booking.Statuses(), func(ctx context.Context, q listQuery) ([]readmodel.View, readmodel.Place, error) {
		return a.lists().ByRider(ctx, requestOf(ctx).Caller.RiderID(), q.state, q.after, q.limit)
	})
}

// listWaiting lists what waits for a driver, longest first.
func (a *API) listWaiting(w http.ResponseWriter, r *http.Request) error {
	return a.list(w, r, []booking.Status{booking.Confirmed}, func(ctx context.Context, q listQuery) ([]readmodel.View, readmodel.Place, error) {
		return a.lists().Waiting(ctx, q.after, q.limit)
	})
}

func (a *API) lists() readmodel.Lists { return readmodel.Lists{Views: a.Views, Fold: a.foldListed} }

// foldListed returns a booking of a list whose view cannot be read, because another release
// stored it or it is damaged. One whose stream cannot be folded is left out: the rest of the
// list is served.
func (a *API) foldListed(ctx context.Context, id booking.ID) (readmodel.View, bool, error) {
	out, err := a.Bookings.Load(ctx, id)
	switch {
	case errors.Is(err, booking.ErrUnknownEvent): // in a rollout, or after a rollback
		a.Log.InfoContext(ctx, "stream is of a newer release", "booking_id", id, "error", err.Error())
		return readmodel.View{}, false, nil
	case booking.Unfoldable(err):
		a.Log.ErrorContext(ctx, "left out of a list", "booking_id", id, "error", err.Error())
		return readmodel.View{}, false, nil
	case err != nil:
		return readmodel.View{}, false, err
	}
	a.Log.WarnContext(ctx, "view from the log", "booking_id", id, "error", readmodel.ErrUnreadable.Error())
	return readmodel.ViewOf(out.State), out.State.Exists(), nil
}

type listQuery struct {
	state booking.Status
	limit int
	after readmodel.Place
}

func (a *API) list(w http.ResponseWriter, r *http.Request, states []booking.Status, find func(context.Context, listQuery) ([]readmodel.View, readmodel.Place, error)) error {
	params, err := knownParams(r, "state", "limit", "cursor")
	if err != nil {
		return err
	}
	q := listQuery{state: booking.Status(params.Get("state"))}
	if params.Has("state") && !slices.Contains(states, q.state) {
		return problem(CodeMalformed, "state is none of those that this list can be filtered by.")
	}
	if q.limit, err = limitParam(params); err != nil {
		return err
	}
	scope := listScope(r, string(q.state))
	if params.Has("cursor") {
		place, err := a.unseal(r.Context(), scope, params.Get("cursor"))
		if err != nil {
			return err
		}
		if q.after, err = readmodel.ParsePlace(place); err != nil {
			return badCursor()
		}
	}
	views, next, err := find(r.Context(), q)
	if err != nil {
		return err
	}
	page := listPage{Items: []jsontext.Value{}}
	for _, v := range views {
		raw, err := v.Encode()
		if err != nil {
			return err
		}
		page.Items = append(page.Items, raw)
	}
	if next != (readmodel.Place{}) {
		cursor, err := a.seal(r.Context(), scope, next.String())
		if err != nil {
			return err
		}
		page.NextCursor = &cursor
		linkNext(w, r, params, cursor)
	}
	return writePage(w, page)
}

// listScope is what a cursor is bound to: the list, who reads it, and how it is
// filtered.
func listScope(r *http.Request, filters ...string) []string {
	rider := requestOf(r.Context()).Caller.RiderID()
	return append([]string{r.URL.Path, string(rider)}, filters...)
}

func writePage(w http.ResponseWriter, page any) error {
	body, err := json.Marshal(page)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	write(w, http.StatusOK, "application/json", body)
	return nil
}

// linkNext adds the Link to the next page (RFC 8288).
func linkNext(w http.ResponseWriter, r *http.Request, params url.Values, cursor string) {
	params.Set("cursor", cursor)
	w.Header().Set("Link", "<"+r.URL.EscapedPath()+"?"+params.Encode()+`>; rel="next"`)
}
