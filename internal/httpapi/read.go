package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Roles that may see every booking.
const (
	RoleDispatch = "dispatch"
	RoleOps      = "ops"
)

// Unknown and someone else's booking get the same answer, so that an id tells
// nothing to whom it does not belong.
func noBooking() error { return problem(CodeNotFound, "There is no such booking.") }

func (c *Caller) maySee(riderID string) bool {
	return c.Subject == riderID || slices.Contains(c.Roles, RoleDispatch) || slices.Contains(c.Roles, RoleOps)
}

func (a *API) readBooking(w http.ResponseWriter, r *http.Request) error {
	id, err := bookingID(r)
	if err != nil {
		return err
	}
	minVersion, err := versionParam(r, "min_version")
	if err != nil {
		return err
	}
	v, err := a.view(r, id, minVersion)
	if err != nil {
		return err
	}
	if !requestOf(r.Context()).Caller.maySee(v.RiderID) {
		return noBooking()
	}
	if v.Version < minVersion {
		return problem(CodeVersionMismatch, "The booking has not reached that version.")
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	if noneMatch(strings.Join(r.Header.Values("If-None-Match"), ","), etag(v.Version)) {
		w.Header().Set("ETag", etag(v.Version))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writeView(w, http.StatusOK, v)
}

// view returns a booking that is at least minVersion old, as far as there is one:
// from the read model, or from the log where the read model is late, lacks it, or
// cannot be reached.
func (a *API) view(r *http.Request, id booking.ID, minVersion int64) (readmodel.View, error) {
	v, ok, err := a.Views.Get(r.Context(), id)
	if err != nil {
		a.Log.WarnContext(r.Context(), "view from the log", "booking_id", id, "error", err.Error())
	}
	if err == nil && ok && v.Version >= minVersion {
		return v, nil
	}
	out, err := a.Bookings.Load(r.Context(), id)
	if err != nil {
		return readmodel.View{}, err
	}
	if !out.State.Exists() {
		return readmodel.View{}, noBooking()
	}
	return readmodel.ViewOf(out.State), nil
}

// historyItem is one event of a booking's history.
type historyItem struct {
	Version    int64          `json:"version"`
	Type       string         `json:"type"`
	Data       jsontext.Value `json:"data"`
	Actor      string         `json:"actor"`
	RecordedAt time.Time      `json:"recorded_at"`
}

type historyPage struct {
	Items      []historyItem `json:"items"`
	NextCursor *string       `json:"next_cursor"`
}

func (a *API) readHistory(w http.ResponseWriter, r *http.Request) error {
	id, err := bookingID(r)
	if err != nil {
		return err
	}
	if err := onlyParams(r); err != nil {
		return err
	}
	out, err := a.Bookings.Load(r.Context(), id)
	if err != nil {
		return err
	}
	if !out.State.Exists() || !requestOf(r.Context()).Caller.maySee(out.State.RiderID) {
		return noBooking()
	}
	page := historyPage{Items: []historyItem{}}
	for _, c := range out.History.Commits() {
		for i, e := range c.Events {
			data, err := publicData(e)
			if err != nil {
				return err
			}
			page.Items = append(page.Items, historyItem{
				Version: c.Version + int64(i), Type: e.Type, Data: data, Actor: c.Actor, RecordedAt: c.RecordedAt,
			})
		}
	}
	body, err := json.Marshal(page)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	write(w, http.StatusOK, "application/json", body)
	return nil
}

// internalFields are parts of events that name things at the payment provider.
var internalFields = []string{"ref", "group"}

// publicData returns the data of an event without the provider's references.
// Personal data is not in it to begin with.
func publicData(e events.Event) (jsontext.Value, error) {
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(e.Data, &fields); err != nil {
		return nil, err
	}
	for _, name := range internalFields {
		delete(fields, name)
	}
	return json.Marshal(fields, json.Deterministic(true))
}

func bookingID(r *http.Request) (booking.ID, error) {
	id := booking.ID(r.PathValue("id"))
	if !id.Valid() {
		return "", noBooking()
	}
	return id, nil
}

// versionParam returns the one query parameter that a route knows, a version, or
// 0 where it is absent.
func versionParam(r *http.Request, name string) (int64, error) {
	if err := onlyParams(r, name); err != nil {
		return 0, err
	}
	if !r.URL.Query().Has(name) {
		return 0, nil
	}
	n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	if err != nil || n < 1 {
		return 0, problem(CodeMalformed, name+" must be a whole number from 1 on.")
	}
	return n, nil
}

// onlyParams refuses query parameters that the route does not know, and repeats.
func onlyParams(r *http.Request, known ...string) error {
	query, err := parseQuery(r)
	if err != nil {
		return err
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			return problem(CodeMalformed, "The query has an unknown parameter.")
		}
		if len(values) > 1 {
			return problem(CodeMalformed, name+" is given more than once.")
		}
	}
	return nil
}

// noneMatch tells whether an If-None-Match header names the tag (RFC 9110,
// section 13.1.2: weak comparison).
func noneMatch(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
