package relay_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

// shelf keeps what cannot be read, from the nth call on.
type shelf struct {
	failures int
	kept     []relay.Unreadable
}

// SendBodies implements relay.Shelf.
func (s *shelf) SendBodies(_ context.Context, bodies [][]byte) ([]int, error) {
	if s.failures > 0 {
		s.failures--
		return []int{0}, errAway
	}
	for _, body := range bodies {
		u, ok := relay.ParseUnreadable(body)
		if !ok {
			return []int{0}, errors.New("not as it is kept")
		}
		s.kept = append(s.kept, u)
	}
	return nil, nil
}

func unreadable(stream, sequence string) relay.Record {
	r := record(stream, 3)
	r.Traceparent = ""
	r.Unreadable = &relay.Unreadable{Reason: "no image", SequenceNumber: sequence}
	return r
}

// Records that cannot be read are kept, each once, and the others go on. Both queues get a
// hint where the keys name a stream.
func TestWhatCannotBeReadIsKept(t *testing.T) {
	t.Parallel()
	records := []relay.Record{record("b/1", 1, "PaymentStarted"), unreadable("", "s1"), unreadable("b/2", "s2"), record("b/3", 2, "PaymentStarted")}
	var projection, payments mailbox
	var kept shelf
	failed, err := (&relay.Relay{Projection: &projection, Payments: &payments, Unreadable: &kept}).Forward(t.Context(), records)
	if failed != -1 || err != nil {
		t.Fatalf("failed from %d on: %v", failed, err)
	}
	want := []relay.Unreadable{{V: 1, Reason: "no image", SequenceNumber: "s1"}, {V: 1, Reason: "no image", SequenceNumber: "s2"}}
	if diff := cmp.Diff(want, kept.kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	about := queue.NewHint("b/2", 3, "")
	if diff := cmp.Diff([]queue.Hint{hint("b/1", 1), about, hint("b/3", 2)}, projection.got); diff != "" {
		t.Errorf("for the projection (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]queue.Hint{about}, payments.got); diff != "" {
		t.Errorf("for payments (-want +got):\n%s", diff)
	}
	for name, tc := range map[string]struct {
		shelf      shelf
		projection mailbox
		first      int
	}{
		"the shelf is away":              {shelf{failures: 9}, mailbox{}, 1},
		"a hint before it is lost, too":  {shelf{failures: 9}, mailbox{loses: []int{0}, err: errAway}, 0},
		"a hint behind it is lost alone": {shelf{}, mailbox{loses: []int{2}, err: errAway}, 3},
	} {
		failed, err := (&relay.Relay{Projection: &tc.projection, Payments: &mailbox{}, Unreadable: &tc.shelf}).Forward(t.Context(), records)
		if failed != tc.first || !errors.Is(err, errAway) {
			t.Errorf("%s: failed from %d on: %v; want %d", name, failed, err, tc.first)
		}
	}
}

// The publisher keeps them, too, and says where it failed first.
func TestThePublisherKeepsWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	records := []relay.Record{record("booking/"+one, 1, "BookingRequested"), unreadable("booking/"+one, "s1"), record("booking/"+other, 1, "BookingRequested")}
	for _, tc := range []struct{ accepts, failures, first int }{{2, 0, -1}, {2, 9, 1}, {1, 0, 2}, {1, 9, 1}, {0, 9, 0}} {
		b, kept := &bus{accepts: tc.accepts}, &shelf{failures: tc.failures}
		failed, err := (&relay.Publisher{Bus: b, Unreadable: kept}).Forward(t.Context(), records)
		if failed != tc.first || (err == nil) != (tc.first == -1) || len(b.got) != 2 || tc.failures == 0 && len(kept.kept) != 1 {
			t.Errorf("%+v: failed from %d on: %v; published %v, kept %v", tc, failed, err, b.got, kept.kept)
		}
	}
}

func TestOnlyWhatWasKeptIsReadAsThat(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{`, `{}`, `{"v":1}`, `{"v":2,"reason":"x"}`, `{"reason":"x"}`, `{"requestContext":{}}`, `[]`, `{"v":1,"reason":"x"`} {
		if u, ok := relay.ParseUnreadable([]byte(body)); ok {
			t.Errorf("%s is read as %+v", body, u)
		}
	}
}
