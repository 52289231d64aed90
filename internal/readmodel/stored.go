package readmodel

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// ErrUnreadable is a stored view that this release cannot show: it is damaged, or another
// release stored it in a form that lacks something or has it in another type. The log has
// the truth: fold the stream instead.
var ErrUnreadable = errors.New("the stored view cannot be read")

// Decode reads a stored view, whichever release stored it: members that this release does
// not know are passed over, and a view that lacks one that this release shows is
// ErrUnreadable. So is one of a build in which a subject stood for its rider, whose issuer
// it does not tell. The error repeats nothing of the view, which holds personal data.
func Decode(raw []byte) (View, error) {
	v, err := decode[View](raw)
	if err == nil && !v.RiderID.Valid() {
		return View{}, fmt.Errorf("%w: its rider_id is no rider id", ErrUnreadable)
	}
	return v, err
}

// Unreadable stands in a list for a stored view that cannot be read.
func Unreadable(id booking.ID) View { return View{ID: id} }

// Readable tells whether the view shows a booking: false for Unreadable.
func (v View) Readable() bool { return v.Version > 0 }

// decode is Decode for the views of any release.
func decode[T any](raw []byte) (T, error) {
	var v, none T
	if err := json.Unmarshal(raw, &v); err != nil {
		return none, fmt.Errorf("%w: %s", ErrUnreadable, place(err))
	}
	again, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if !bytes.Equal(raw, again) && !covers(raw, again) {
		return none, fmt.Errorf("%w: it lacks what this release shows", ErrUnreadable)
	}
	return v, nil
}

// place says where in a view an error is, without the value that stands there.
func place(err error) string {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return fmt.Sprintf("member %q is of another type", semantic.JSONPointer)
	}
	return "it is no JSON object of a view"
}

// covers tells whether got has all that want has, with the same values. It may have more
// members, at any depth: a newer release added them.
func covers(got, want jsontext.Value) bool {
	if want.Kind() != '{' || got.Kind() != '{' {
		return bytes.Equal(got, want)
	}
	var g, w map[string]jsontext.Value
	if json.Unmarshal(got, &g) != nil || json.Unmarshal(want, &w) != nil {
		return false
	}
	for name, value := range w {
		if other, ok := g[name]; !ok || !covers(other, value) {
			return false
		}
	}
	return true
}
