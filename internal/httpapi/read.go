package httpapi

import (
	"net/http"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

func (a *API) readBooking(w http.ResponseWriter, r *http.Request) error {
	id, err := bookingID(r)
	if err != nil {
		return err
	}
	params, err := knownParams(r, "min_version", "at_version")
	if err != nil {
		return err
	}
	if params.Has("min_version") && params.Has("at_version") {
		return problem(CodeMalformed, "min_version and at_version exclude each other.")
	}
	least, err := versionParam(params, "min_version")
	if err != nil {
		return err
	}
	exact, err := versionParam(params, "at_version")
	if err != nil {
		return err
	}
	v, err := a.find(r, id, least, exact)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	if noneMatch(lines(r, "If-None-Match"), etag(v.Version)) {
		w.Header().Set("ETag", etag(v.Version))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writeView(w, http.StatusOK, v)
}

// find returns the booking as the query wants it, once it is sure that the caller
// may see it: a version beyond the end tells that there is a booking.
func (a *API) find(r *http.Request, id booking.ID, least, exact int64) (readmodel.View, error) {
	if exact > 0 {
		return a.viewAt(r, exact)
	}
	v, err := a.view(r, id, least)
	if err != nil {
		return readmodel.View{}, err
	}
	if err := admitRequest(r, v.RiderID); err != nil {
		return readmodel.View{}, err
	}
	if v.Version < least {
		return readmodel.View{}, beyond()
	}
	return v, nil
}

func beyond() error {
	return problem(CodeVersionMismatch, "The booking has not reached that version.")
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

// viewAt returns the booking as it was after its event with that version.
func (a *API) viewAt(r *http.Request, version int64) (readmodel.View, error) {
	out, err := a.loadAdmitted(r)
	if err != nil {
		return readmodel.View{}, err
	}
	if version > out.State.Version {
		return readmodel.View{}, beyond()
	}
	then, err := booking.StateAt(out.History, version)
	return readmodel.ViewOf(then), err
}

func bookingID(r *http.Request) (booking.ID, error) {
	id := booking.ID(r.PathValue("id"))
	if !id.Valid() {
		return "", noBooking()
	}
	telemetry.Correlate(r.Context(), telemetry.Origin{BookingID: string(id)})
	return id, nil
}
