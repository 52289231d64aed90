package booking

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// ID names a booking: bk_ and 32 letters and digits.
type ID string

const (
	idPrefix     = "bk_"
	streamPrefix = "booking/"
)

// Stream returns the stream that holds the booking's history.
func (id ID) Stream() events.StreamID { return events.StreamID(streamPrefix + string(id)) }

// IDOf returns the booking that a stream belongs to; ok is false for a stream of
// anything else.
func IDOf(stream events.StreamID) (id ID, ok bool) {
	rest, ok := strings.CutPrefix(string(stream), streamPrefix)
	return ID(rest), ok && ID(rest).Valid()
}

// Valid tells whether id has the form of a booking id. It need not exist.
func (id ID) Valid() bool { return derived(string(id), idPrefix) }

// Caller is who makes a request: a subject, as the issuer of its token names it.
// The subject alone is no identity: two issuers may give the same one.
type Caller struct {
	Issuer  string
	Subject string
}

// RiderID names a caller wherever a caller is stored, shown or compared: rd_ and 32
// letters and digits. Dispatchers and operators have one, too: they are riders for
// themselves.
type RiderID string

const riderPrefix = "rd_"

// RiderID derives the caller's id from both parts of its identity. An id does not
// lead back to the subject, which may be an e-mail address.
func (c Caller) RiderID() RiderID {
	return RiderID(riderPrefix + hash("hailstone/rider/1", c.Issuer, c.Subject))
}

// riderOfSchema1 returns the rider of an event that holds a subject without its
// issuer. The id is that of no Caller (docs/adr/0022).
func riderOfSchema1(subject string) RiderID {
	return RiderID(riderPrefix + hash("hailstone/rider/0", subject))
}

// Valid tells whether id has the form of a rider id.
func (id RiderID) Valid() bool { return derived(string(id), riderPrefix) }

// derived tells whether s has the form of a prefix and a hash.
func derived(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && len(rest) == 32 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// IDFor derives the id of the booking that a caller creates with an idempotency
// key. The same caller and key always mean the same booking, so that a repeated
// request meets its own first event. Different callers never meet.
func IDFor(c Caller, key string) ID {
	return ID(idPrefix + hash("hailstone/booking/1", c.Issuer, c.Subject, key))
}

// CreateCommandID is the command id of every create: the id of its booking comes
// from its caller and key already.
const CreateCommandID = "create"

// CommandIDFor derives the id of a command given over HTTP from its caller, its
// route (method and concrete path) and its idempotency key.
func CommandIDFor(c Caller, route, key string) string {
	return "rq_" + hash("hailstone/request/1", c.Issuer, c.Subject, route, key)
}

// RefundIDFor derives the id of a refund from the command that asks for it: the
// same command is the same refund.
func RefundIDFor(commandID string) string {
	return "rf_" + hash("hailstone/refund/1", commandID)
}

// PaymentCommandID derives the id of a command that records a fact about a
// payment from the fact itself: the provider's object, the operation and what
// came of it. The same fact found twice is the same command.
func PaymentCommandID(ref, operation, fact string) string {
	return "pf_" + hash("hailstone/payment-fact/1", ref, operation, fact)
}

// hash returns 160 bits of SHA-256 over its length-prefixed parts, in base32.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	sum := h.Sum(nil)[:20]
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum))
}
