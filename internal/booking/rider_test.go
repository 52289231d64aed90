package booking_test

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// What another system computes to find the rider id of a token: the first 160 bits of
// SHA-256 over a domain tag and the claims iss and sub, each after its length as 8
// bytes, in lower-case base32.
func ExampleCaller_RiderID() {
	h := sha256.New()
	for _, part := range []string{"hailstone/rider/1", "https://issuer.example", "alice"} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	fmt.Println("rd_" + strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:20])))
	fmt.Println(booking.Caller{Issuer: "https://issuer.example", Subject: "alice"}.RiderID())
	// Output:
	// rd_be2t5cdeqpnna5ybvxmpta54fdsybw5i
	// rd_be2t5cdeqpnna5ybvxmpta54fdsybw5i
}

// The log is never changed: what is no rider id never gets there.
func TestASubjectIsNotTakenForARider(t *testing.T) {
	t.Parallel()
	const subject = "alice@example.com"
	r := request(t)
	r.RiderID = subject
	decided, err := booking.Decide(booking.State{ID: id}, r)
	if err == nil || codeOf(err) != "" || len(decided) != 0 || strings.Contains(err.Error(), subject) {
		t.Errorf("it leads to %v (%v), want an error that is no rejection and does not name the subject", decided, err)
	}
}

func TestRiderIDs(t *testing.T) {
	t.Parallel()
	id := alice.RiderID()
	// The id is stored and what clients hold: it must be the same in every release.
	if want := booking.RiderID("rd_be2t5cdeqpnna5ybvxmpta54fdsybw5i"); id != want || !id.Valid() {
		t.Errorf("the id is %s (valid: %v), want %s", id, id.Valid(), want)
	}
	distinct := map[booking.RiderID]string{id: "alice"}
	for name, other := range map[string]booking.Caller{
		"a namesake":                  {Issuer: "https://other.example", Subject: "alice"},
		"another subject":             {Issuer: alice.Issuer, Subject: "bob"},
		"another spelling":            {Issuer: alice.Issuer, Subject: "Alice"},
		"parts that join to the same": {Issuer: alice.Issuer + "a", Subject: "lice"},
		"parts that changed places":   {Issuer: alice.Subject, Subject: alice.Issuer},
		"no issuer":                   {Subject: "alice"},
	} {
		if same := distinct[other.RiderID()]; same != "" {
			t.Errorf("%s has the id of %s", name, same)
		}
		distinct[other.RiderID()] = name
	}
	for _, bad := range []booking.RiderID{"", "alice", "rd_", id[:34], id + "a", booking.RiderID(strings.ToUpper(string(id))), "bk_" + id[3:], "rd_" + booking.RiderID(strings.Repeat("1", 32))} {
		if bad.Valid() {
			t.Errorf("%q passes for a rider id", bad)
		}
	}
}
