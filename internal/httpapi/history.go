package httpapi

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

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

// readHistory lists what happened to a booking, oldest first.
func (a *API) readHistory(w http.ResponseWriter, r *http.Request) error {
	params, err := knownParams(r, "limit", "cursor")
	if err != nil {
		return err
	}
	limit, err := limitParam(params)
	if err != nil {
		return err
	}
	out, err := a.loadAdmitted(r)
	if err != nil {
		return err
	}
	scope, after := listScope(r), int64(0)
	if params.Has("cursor") {
		place, err := a.unseal(r.Context(), scope, params.Get("cursor"))
		if err != nil {
			return err
		}
		if after, err = strconv.ParseInt(place, 10, 64); err != nil {
			return badCursor()
		}
	}
	page, err := historyAfter(out.History, after, limit)
	if err != nil {
		return err
	}
	if last := after + int64(len(page.Items)); last < out.State.Version {
		cursor, err := a.seal(r.Context(), scope, strconv.FormatInt(last, 10))
		if err != nil {
			return err
		}
		page.NextCursor = &cursor
		linkNext(w, r, params, cursor)
	}
	return writePage(w, page)
}

// historyAfter returns at most limit events that follow a version, all in the
// present schema of their type.
func historyAfter(h events.History, after int64, limit int) (historyPage, error) {
	page := historyPage{Items: []historyItem{}}
	for _, c := range h.Commits() {
		if c.Last() <= after {
			continue
		}
		decoded, err := booking.DecodeCommit(c)
		if err != nil {
			return historyPage{}, err
		}
		for i, e := range decoded {
			version := c.Version + int64(i)
			if version <= after {
				continue
			}
			if len(page.Items) == limit {
				return page, nil
			}
			data, err := publicData(e)
			if err != nil {
				return historyPage{}, fmt.Errorf("event %d of %s: %w", version, h.Stream(), err)
			}
			page.Items = append(page.Items, historyItem{
				Version: version, Type: e.Type(), Data: data, Actor: c.Actor, RecordedAt: c.RecordedAt,
			})
		}
	}
	return page, nil
}

// internalFields are parts of events that name things at the payment provider, or
// how often it was tried.
var internalFields = []string{"ref", "group", "dispute_id"}

// ownRefund is a refund that was asked for here. One that was made at the provider
// by hand goes by the provider's name for it.
var ownRefund = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^"rf_[a-z2-7]{32}"$`) })

// publicData returns the data of an event without the provider's references.
// Personal data is not in it to begin with.
func publicData(e booking.Event) (jsontext.Value, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	for _, name := range internalFields {
		delete(fields, name)
	}
	if !ownRefund().Match(fields["refund_id"]) {
		delete(fields, "refund_id")
	}
	return json.Marshal(fields, json.Deterministic(true))
}
