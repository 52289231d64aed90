package sim

import (
	"errors"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// newerForm is a view that an environment of the older release meets in a form that only
// the newer one knows: a member of another type, for instance.
const newerForm fault = "newer form"

// Bugs about views that cannot be read.
const (
	unreadableFailsList Canary = "a view that cannot be read fails its list"
	unreadableIsLeftOut Canary = "a view that cannot be read is left out of its list"
)

func newerPart() part {
	return part{onceAWorld: odds{newerForm: 0.2}, canaries: []Canary{unreadableFailsList, unreadableIsLeftOut}}
}

var errNewerForm = errors.New("a view of a newer release")

// meetsNewerForm tells whether the reader cannot read a view. Whether it could fold the
// stream is another matter: what the older release does not know there, it leaves out.
func (s viewStore) meetsNewerForm(t *task, id booking.ID) bool {
	if !s.behind(t.inv.environment) || !s.strikes(newerForm, "views") {
		return false
	}
	s.reach(newerFormWasMet)
	s.oracle.newerForms[id] = true
	return true
}

// asRead returns a list as the release of its reader can read it.
func (s viewStore) asRead(t *task, found []readmodel.View) ([]readmodel.View, error) {
	var seen []readmodel.View
	for _, v := range found {
		switch {
		case !s.meetsNewerForm(t, v.ID):
			seen = append(seen, v)
		case s.canary == unreadableFailsList:
			return nil, errNewerForm
		case s.canary == unreadableIsLeftOut:
		default:
			seen = append(seen, readmodel.Unreadable(v.ID))
		}
	}
	return seen, nil
}

// unfoldable tells whether a booking may be missing from a list for an environment of the
// older release: it could read neither the view nor the stream.
func (o *oracle) unfoldable(a *account) bool {
	return o.newerForms[a.id] && a.state.Status == booking.Canceled
}
