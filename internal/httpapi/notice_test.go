package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// sent is a queue that keeps what was sent to it, and fails when it is told to.
type sent struct {
	hints []queue.Hint
	err   error
}

func (s *sent) Send(_ context.Context, hints []queue.Hint) ([]int, error) {
	if s.err != nil {
		return []int{0}, s.err
	}
	s.hints = append(s.hints, hints...)
	return nil, nil
}

// parseNotice knows one signature, and reads notices that say it all.
func parseNotice(_ context.Context, body []byte, signature string) (payments.Notice, error) {
	switch signature {
	case "valid":
	case "while the key is away":
		return payments.Notice{}, fmt.Errorf("%w: away", httpapi.ErrNoNoticeKey)
	default:
		return payments.Notice{}, fmt.Errorf("%w: forged", payments.ErrSignature)
	}
	var n struct {
		Booking booking.ID
		Ref     string
	}
	if err := json.Unmarshal(body, &n); err != nil {
		return payments.Notice{}, errors.New("no event, and it names Ada Lovelace")
	}
	return payments.Notice{BookingID: n.Booking, Ref: n.Ref}, nil
}

func notice(body string) request {
	return request{
		method: http.MethodPost, target: "/v1/webhooks/stripe", body: body, id: "req-1",
		header: http.Header{"Content-Type": {"application/json"}, "Stripe-Signature": {"valid"}},
	}
}

func TestANoticeIsOnlyAReasonToLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("confirmed"))
	appends := w.log.appends.Load()
	for name, tc := range map[string]struct {
		body string
		want []queue.Hint
	}{
		"of a booking":            {`{"booking":"` + string(id) + `","ref":"pi_1"}`, []queue.Hint{{V: 1, Stream: id.Stream(), Version: 4, Reconcile: true}}},
		"of an object alone":      {`{"ref":"pi_1"}`, []queue.Hint{{V: 1, Stream: "payment/pi_1", Version: 1, Reconcile: true}}},
		"of no payment":           {`{}`, nil},
		"of another deployment's": {`{"booking":"` + string(booking.IDFor(bob.Caller, "never used")) + `","ref":"pi_1"}`, nil},
		"of a strange booking":    {`{"booking":"../x","ref":"pi_1"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w.hints.hints = nil
			for range 2 { // the provider sends it twice
				if a := w.in(t).send(notice(tc.body)); a.code != http.StatusNoContent || a.body != "" {
					t.Errorf("%d %s", a.code, a.body)
				}
			}
			var twice []queue.Hint
			for range 2 {
				twice = append(twice, tc.want...)
			}
			if diff := cmp.Diff(twice, w.hints.hints); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
		})
	}
	if w.log.appends.Load() != appends {
		t.Error("a notice appended something")
	}
}

// Until the hint is on its way the provider must send the notice again.
func TestANoticeIsNotTakenBeforeItsHintIsSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		meddle    func(*world)
		signature string
		want      int
		code      string
	}{
		"queue away":  {func(w *world) { w.hints.err = errors.New("away") }, "valid", 503, "unavailable"},
		"log away":    {func(w *world) { w.log.loadErr = events.ErrUnavailable }, "valid", 503, "unavailable"},
		"key away":    {func(*world) {}, "while the key is away", 503, "unavailable"},
		"forged":      {func(*world) {}, "forged", 400, "invalid-signature"},
		"not signed":  {func(*world) {}, "", 400, "invalid-signature"},
		"log is lost": {func(w *world) { w.log.loadErr = events.ErrCorrupt }, "valid", 500, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := notice(`{"booking":"`+string(w.booked(reaching("confirmed")))+`"}`).with("Stripe-Signature", tc.signature)
			if tc.signature == "" {
				r = r.with("Stripe-Signature")
			}
			tc.meddle(w)
			if a := w.send(r); a.code != tc.want || !strings.Contains(a.body, `"`+tc.code+`"`) {
				t.Errorf("%d %s", a.code, a.body)
			}
			if len(w.hints.hints) > 0 {
				t.Errorf("%v was sent", w.hints.hints)
			}
		})
	}
}

// Whose an object is, only the provider can say: while it is not to be asked, it keeps
// the notice. One that names its booking needs nobody to be asked.
func TestANoticeOfAnObjectAloneWaitsForTheBreaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.booked(reaching("confirmed"))
	for _, state := range []resilience.State{resilience.Open, resilience.HalfOpen} {
		w.payments = state
		if a := w.send(notice(`{"ref":"pi_1"}`)); a.code != http.StatusServiceUnavailable || len(w.hints.hints) != 0 {
			t.Errorf("%s: %d, sent %v", state, a.code, w.hints.hints)
		}
	}
	if a := w.send(notice(`{"booking":"` + string(id) + `","ref":"pi_1"}`)); a.code != http.StatusNoContent || len(w.hints.hints) != 1 {
		t.Errorf("of a booking: %d, sent %v", a.code, w.hints.hints)
	}
}

// A notice may be larger than a request of a person, but not without limit, and its
// text stays out of answers and logs.
func TestANoticeIsReadWithCare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.send(notice(`{"padding":"` + strings.Repeat("x", 200<<10) + `"}`)); a.code != http.StatusNoContent {
		t.Errorf("200 KB: %d %s", a.code, a.body)
	}
	if a := w.send(notice(`{"padding":"` + strings.Repeat("x", 256<<10) + `"}`)); a.code != http.StatusRequestEntityTooLarge {
		t.Errorf("more than 256 KB: %d %s", a.code, a.body)
	}
	if a := w.send(notice(`{`)); a.code != http.StatusBadRequest || strings.Contains(a.body+w.logged.String(), "Ada") {
		t.Errorf("no event: %d %s, logged %s", a.code, a.body, w.logged)
	}
}
