package status_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/status"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/controltest"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// stack is one in memory, whose clock stands still.
type stack struct {
	*testing.T
	now     time.Time
	log     *eventstest.Memory
	views   readmodeltest.Memory
	items   deferraltest.Memory
	control controltest.Memory
	breaker fleet.Status
	metrics status.Metrics
	rides   readmodeltest.Rides
	dead    string
	broken  error // of all sources
}

func newStack(t *testing.T) *stack {
	t.Helper()
	tariff, err := booking.LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	// A few minutes after a full hour: the newest bookings are of two of them.
	s := &stack{T: t, now: time.Date(2026, 11, 23, 10, 4, 0, 0, time.UTC), log: eventstest.NewMemory(events.NewStamp), dead: "0"}
	s.breaker = fleet.Status{State: resilience.Closed, Mode: resilience.Auto}
	s.rides = readmodeltest.Rides{Bookings: &booking.Service{Store: s.log, Backoff: booking.RaceBackoff(func() float64 { return 0 })}, Tariff: tariff}
	return s
}

// GetQueueAttributes implements status.SQS.
func (s *stack) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	n := "3"
	if *in.QueueUrl == "dead" {
		n = s.dead
	}
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{string(types.QueueAttributeNameApproximateNumberOfMessages): n}}, s.broken
}

func (s *stack) report() status.Report {
	ctx := s.Context()
	if s.broken != nil {
		broken, cancel := context.WithCancel(ctx)
		cancel()
		ctx = broken
	}
	return status.Gather(ctx, status.Sources{
		SQS: s, Queues: []status.Queue{{Name: "payments", URL: "alive", Dead: "dead"}},
		Commits: s.log, Log: s.log, Views: &s.views, Items: &s.items, Control: &s.control,
		Breaker: func(context.Context) (fleet.Status, error) { return s.breaker, s.broken },
		Metrics: func(context.Context) (status.Metrics, error) { return s.metrics, s.broken },
		Now:     func() time.Time { return s.now },
	})
}

// books makes a booking some time ago, with so many commits.
func (s *stack) books(name string, ago time.Duration, commits int) booking.ID {
	s.Helper()
	id := booking.IDFor(booking.Caller{Subject: s.Name()}, name)
	s.rides.At = s.now.Add(-ago)
	for n := range commits {
		if err := s.rides.Advance(s.Context(), id, n); err != nil {
			s.Fatal(err)
		}
	}
	return id
}

// fails makes a booking whose payment failed some time ago.
func (s *stack) fails(name string, ago time.Duration) booking.ID {
	s.Helper()
	id := s.books(name, ago, 1)
	_, err := s.rides.Bookings.Execute(s.Context(), id, booking.RecordPaymentFailure{
		At: s.now.Add(-ago), Group: 1, Operation: booking.OperationAuthorize, Reason: "x",
	}, booking.Envelope{CommandID: "failed", Actor: booking.ActorPayment, At: s.now.Add(-ago)})
	if err != nil {
		s.Fatal(err)
	}
	return id
}

// shows brings the view of a booking up to date.
func (s *stack) shows(id booking.ID) {
	s.Helper()
	if _, err := (&readmodel.Projector{Log: s.log, Views: &s.views}).Project(s.Context(), id); err != nil {
		s.Fatal(err)
	}
}

func (s *stack) projections(change func(*rebuild.State)) {
	s.Helper()
	state, revision, err := rebuild.ReadState(s.Context(), &s.control)
	if err == nil {
		change(&state)
		err = control.Write(s.Context(), &s.control, readmodel.ProjectionDocument, state, revision)
	}
	if err != nil {
		s.Fatal(err)
	}
}

func TestAHealthyStackNeedsNobody(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.shows(s.books("a", 7*time.Minute, 4)) // before the full hour
	s.shows(s.books("b", time.Minute, 2))
	s.books("an old one is not looked at", 3*time.Hour, 1)
	lag := 0.25
	s.metrics.ProjectionLag = &lag
	s.projections(func(st *rebuild.State) {
		st.Audit = &rebuild.Audit{Phase: rebuild.Done, Began: s.now.Add(-time.Hour), Ended: s.now.Add(-time.Hour), Counts: rebuild.Counts{Views: 7, Differences: 1, Mended: 1}}
	})
	r := s.report()
	if len(r.Attention)+len(r.Unknown) != 0 || r.Views.Looked != 2 || r.Views.Behind != 0 || r.Queues[0].Waiting != 3 {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{
		"payments  3        0          0        0     -", "0 of the 2 newest bookings behind the log\n", "0 payments wait for an operator\n", "projection 250ms (p99), relay -",
		"closed, AUTO", "last audit 1h0m0s ago: 7 views, 1 differences, 1 mended", "Nothing needs attention.",
	} {
		if !strings.Contains(r.Text(), want) {
			t.Errorf("%q is not in\n%s", want, r.Text())
		}
	}
}

func TestWhatNeedsSomebodyIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*stack)
		want  string
	}{
		"a dead letter": {func(s *stack) { s.dead = "2" }, "2 dead letters of the payments queue"},
		"a view is missing": {func(s *stack) {
			s.books("a", 4*time.Minute, 1)
			s.shows(s.books("b", 4*time.Minute, 1))
		}, "1 of 2 views are behind the log, by 4m0s at most"},
		"a view lacks a commit": {func(s *stack) {
			s.shows(s.books("a", 5*time.Minute, 2))
			s.books("a", 2*time.Minute, 3)
		}, "1 of 1 views are behind the log, by 2m0s at most"},
		"the breaker is open":    {func(s *stack) { s.breaker.State = resilience.Open }, "The breaker is open"},
		"the breaker is ordered": {func(s *stack) { s.breaker.Mode = resilience.ForcedOpen }, "ordered to be"},
		"a payment waits": {func(s *stack) {
			id := s.books("a", 3*time.Hour, 2)
			err := s.items.Defer(s.Context(), deferral.Deferral{Booking: id, Reason: deferral.ReceivedAgain, At: s.now.Add(-time.Hour), First: s.now})
			if err != nil {
				s.Fatal(err)
			}
		}, "A payment has waited for 1h0m0s"},
		"a booking is overdue": {func(s *stack) { s.shows(s.books("a", time.Hour, 1)) }, "overdue for 30m0s"},
		"a payment has failed": {func(s *stack) {
			s.shows(s.fails("a", 2*time.Hour))
			s.shows(s.fails("b", 5*time.Minute))
		}, "2 payments have failed, the first 2h0m0s ago"},
		"a rebuild is refused": {func(s *stack) {
			s.projections(func(st *rebuild.State) { st.Rebuild = &rebuild.Rebuild{Target: 2, Phase: rebuild.Refused} })
		}, "The rebuild of projection 2 kept differing"},
		"an audit could not mend": {func(s *stack) {
			s.projections(func(st *rebuild.State) {
				st.Audit = &rebuild.Audit{Phase: rebuild.Done, Began: s.now, Counts: rebuild.Counts{Differences: 3, Mended: 1}}
			})
		}, "2 differences that are not mended"},
		"there is no audit any more": {func(s *stack) {
			s.projections(func(st *rebuild.State) {
				st.Audit = &rebuild.Audit{Phase: rebuild.Done, Began: s.now.Add(-72 * time.Hour)}
			})
		}, "The last audit was 72h0m0s ago"},
		"no audit is clean": {func(s *stack) {
			s.projections(func(st *rebuild.State) {
				st.Audit, st.CleanSince = &rebuild.Audit{Phase: rebuild.Checking, Began: s.now}, s.now.Add(-49*time.Hour)
			})
		}, "No audit that began in the last 49h0m0s"},
		"payments fall behind": {func(s *stack) { s.metrics.OldestPayment = seconds(301) }, "A hint waited 5m1s for the payment function"},
		"views fall behind":    {func(s *stack) { s.metrics.OldestHint = seconds(400) }, "A hint waited 6m40s for the projector"},
		"the relay lags":       {func(s *stack) { s.metrics.IteratorAge = seconds(90) }, "The relay was 1m30s behind"},
		"the projector lags":   {func(s *stack) { s.metrics.ProjectionLag = seconds(31) }, "Views were 31s behind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			test.spoil(s)
			r := s.report()
			if len(r.Attention) != 1 || !strings.Contains(r.Attention[0], test.want) || len(r.Unknown) != 0 {
				t.Errorf("%q, unknown %q; want one thing: %q", r.Attention, r.Unknown, test.want)
			}
			if !strings.Contains(r.Text(), "ATTENTION  "+r.Attention[0]) {
				t.Errorf("not told:\n%s", r.Text())
			}
		})
	}
}

func seconds(s float64) *float64 { return &s }

// Whatever cannot be read hides nothing else.
func TestWhatCannotBeReadIsTold(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.broken = errors.New("no route to it")
	r := s.report()
	for _, part := range []string{"queues: ", "views: ", "metrics: ", "breaker: ", "payments: ", "deadlines: ", "projections: "} {
		if !strings.Contains(r.Text(), "NOT KNOWN  "+part) {
			t.Errorf("%q is not told:\n%s", part, r.Text())
		}
	}
	if len(r.Attention) != 0 || strings.Contains(r.Text(), "Nothing needs attention") {
		t.Errorf("what is not known is taken for known:\n%s", r.Text())
	}
}
