package readmodel

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// Record is a view as it is stored: its JSON, and where its lists have it. A place
// is empty where the booking is not in the list.
type Record struct {
	ID      booking.ID
	Version int64
	Body    []byte
	Rider   string
	// Places in the rider's list, and in those of bookings that wait for a driver
	// and that have a deadline.
	InRider, InWaiting, InDeadlines string
}

// RecordOf returns what is to be stored of a view: always the same bytes for the
// same view.
func RecordOf(v View) (Record, error) {
	body, err := v.Encode()
	r := Record{ID: v.ID, Version: v.Version, Body: body, Rider: string(v.RiderID), InRider: v.InRiderList().String()}
	if at, ok := v.InWaitingList(); ok {
		r.InWaiting = at.String()
	}
	if at, ok := v.InDeadlineList(); ok {
		r.InDeadlines = at.String()
	}
	return r, err
}

// Digest returns the SHA-256 of all parts of a record, each after its length.
func (r Record) Digest() [sha256.Size]byte {
	h := sha256.New()
	version := binary.BigEndian.AppendUint64(nil, uint64(r.Version)) //nolint:gosec // bit pattern, not a quantity
	for _, part := range [][]byte{[]byte(r.ID), version, r.Body, []byte(r.Rider), []byte(r.InRider), []byte(r.InWaiting), []byte(r.InDeadlines)} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Shows tells whether a stored record is what this release would store, or that and
// more, which a newer release added to the view.
func (r Record) Shows(want Record) bool {
	known := r
	known.Body = want.Body
	return known.Digest() == want.Digest() && covers(r.Body, want.Body)
}
