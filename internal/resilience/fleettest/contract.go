package fleettest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// Run checks that a store keeps the contract of fleet.Store. newStore returns one
// whose record nothing has happened to.
func Run(t *testing.T, newStore func(t *testing.T) fleet.Store) {
	t.Helper()
	for name, test := range map[string]func(*suite){
		"a new record is zero":                            (*suite).zero,
		"a stage is replaced as a whole":                  (*suite).replaced,
		"a change from another version does nothing":      (*suite).fenced,
		"a holder needs the lease, and time left on it":   (*suite).held,
		"reports add up by epoch":                         (*suite).addUp,
		"a report to another version does nothing":        (*suite).staleReport,
		"what is dropped is gone":                         (*suite).dropped,
		"counts outlive a change that does not drop them": (*suite).outlive,
		"an order changes the mode and is kept":           (*suite).ordered,
		"an order that comes late does nothing":           (*suite).lateOrder,
		"of many changes at once one is made":             (*suite).race,
		"all of many reports at once are added":           (*suite).reports,
		"an ended context is an error, and does nothing":  (*suite).ended,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&suite{T: t, store: newStore(t)})
		})
	}
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123_000_000, time.UTC)

type suite struct {
	*testing.T
	store fleet.Store
}

// is wants the record to be so, however it is read.
func (s *suite) is(want fleet.Record) {
	s.Helper()
	for _, newest := range []bool{true, false} {
		got, err := s.store.Read(s.Context(), newest)
		if err != nil {
			s.Fatal(err)
		}
		s.same("read", want, got)
	}
}

func (s *suite) same(what string, want, got fleet.Record) {
	s.Helper()
	byEpoch := cmpopts.SortSlices(func(a, b fleet.Count) bool {
		return a.Version < b.Version || a.Version == b.Version && a.Epoch < b.Epoch
	})
	if diff := cmp.Diff(want, got, byEpoch, cmpopts.EquateEmpty()); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// makes tries a change, and wants it done or not, and the record so.
func (s *suite) makes(c fleet.Change, done bool, want fleet.Record) {
	s.Helper()
	got, did, err := s.store.Change(s.Context(), c)
	if err != nil || did != done {
		s.Fatalf("%+v: done %v, %v; want done %v", c, did, err, done)
	}
	s.same("answer", want, got)
	s.is(want)
}

func (s *suite) reported(r fleet.Report, done bool, want fleet.Record) {
	s.Helper()
	got, did, err := s.store.Report(s.Context(), r)
	if err != nil || did != done {
		s.Fatalf("%+v: done %v, %v; want done %v", r, did, err, done)
	}
	s.same("answer", want, got)
	s.is(want)
}

func (s *suite) zero() { s.is(fleet.Record{}) }

func (s *suite) replaced() {
	probing := fleet.Stage{
		Version: 1, State: resilience.HalfOpen, Until: noon, Reopened: 3, Healthy: 2,
		Lease: fleet.Lease{Owner: "a", Until: noon.Add(time.Minute)},
	}
	s.makes(fleet.Change{To: probing}, true, fleet.Record{Stage: probing})
	closed := fleet.Stage{Version: 2, State: resilience.Closed}
	s.makes(fleet.Change{From: 1, To: closed}, true, fleet.Record{Stage: closed})
	open := fleet.Stage{Version: 3, State: resilience.Open, Until: noon.Add(999 * time.Microsecond)}
	kept := open
	kept.Until = noon
	s.makes(fleet.Change{From: 2, To: open}, true, fleet.Record{Stage: kept})
}

func (s *suite) fenced() {
	open := fleet.Stage{Version: 1, State: resilience.Open, Until: noon}
	s.makes(fleet.Change{From: 7, To: fleet.Stage{Version: 8}}, false, fleet.Record{})
	s.makes(fleet.Change{To: open}, true, fleet.Record{Stage: open})
	s.makes(fleet.Change{To: fleet.Stage{Version: 1}}, false, fleet.Record{Stage: open})
	s.makes(fleet.Change{From: 2, To: fleet.Stage{Version: 3}}, false, fleet.Record{Stage: open})
}

func (s *suite) held() {
	probing := fleet.Stage{Version: 1, State: resilience.HalfOpen, Lease: fleet.Lease{Owner: "a", Until: noon}}
	s.makes(fleet.Change{To: probing}, true, fleet.Record{Stage: probing})
	closed := fleet.Stage{Version: 2, State: resilience.Closed}
	s.makes(fleet.Change{From: 1, Holder: "b", At: noon.Add(-time.Second), To: closed}, false, fleet.Record{Stage: probing})
	s.makes(fleet.Change{From: 1, Holder: "a", At: noon, To: closed}, false, fleet.Record{Stage: probing})
	s.makes(fleet.Change{From: 1, Holder: "a", At: noon.Add(-time.Millisecond), To: closed}, true, fleet.Record{Stage: closed})
	s.makes(fleet.Change{From: 2, Holder: "a", At: noon, To: fleet.Stage{Version: 3}}, false, fleet.Record{Stage: closed})
}

func report(version, epoch, healthy, failing int64) fleet.Report {
	return fleet.Report{Version: version, Counts: []fleet.Count{{Version: version, Epoch: epoch, Healthy: healthy, Failing: failing}}}
}

func counted(counts ...fleet.Count) fleet.Record { return fleet.Record{Counts: counts} }

func (s *suite) addUp() {
	s.reported(report(0, 100, 2, 1), true, counted(fleet.Count{Epoch: 100, Healthy: 2, Failing: 1}))
	s.reported(report(0, 100, 3, 0), true, counted(fleet.Count{Epoch: 100, Healthy: 5, Failing: 1}))
	s.reported(report(0, 101, 0, 4), true, counted(fleet.Count{Epoch: 100, Healthy: 5, Failing: 1}, fleet.Count{Epoch: 101, Failing: 4}))
	both := fleet.Report{Counts: []fleet.Count{{Epoch: 101, Healthy: 1, Failing: 2, Unaware: 1}, {Epoch: 102, Failing: 1, Unaware: 1}}}
	s.reported(both, true, counted(fleet.Count{Epoch: 100, Healthy: 5, Failing: 1}, fleet.Count{Epoch: 101, Healthy: 1, Failing: 6, Unaware: 1}, fleet.Count{Epoch: 102, Failing: 1, Unaware: 1}))
	both.Counts = both.Counts[:1]
	both.Drop = []fleet.Count{{Epoch: 100}, {Epoch: 102}}
	s.reported(both, true, counted(fleet.Count{Epoch: 101, Healthy: 2, Failing: 8, Unaware: 2}))
}

func (s *suite) staleReport() {
	open := fleet.Stage{Version: 1, State: resilience.Open, Until: noon}
	s.makes(fleet.Change{To: open}, true, fleet.Record{Stage: open})
	s.reported(report(0, 100, 2, 1), false, fleet.Record{Stage: open})
	s.reported(report(2, 100, 2, 1), false, fleet.Record{Stage: open})
}

func (s *suite) dropped() {
	s.reported(report(0, 100, 2, 1), true, counted(fleet.Count{Epoch: 100, Healthy: 2, Failing: 1}))
	next := report(0, 130, 1, 0)
	next.Drop = []fleet.Count{{Epoch: 100}, {Epoch: 99}}
	s.reported(next, true, counted(fleet.Count{Epoch: 130, Healthy: 1}))
	open := fleet.Stage{Version: 1, State: resilience.Open, Until: noon}
	s.makes(fleet.Change{To: open, Drop: []fleet.Count{{Epoch: 130}}}, true, fleet.Record{Stage: open})
}

func (s *suite) outlive() {
	s.reported(report(0, 100, 2, 1), true, counted(fleet.Count{Epoch: 100, Healthy: 2, Failing: 1}))
	open := fleet.Stage{Version: 1, State: resilience.Open, Until: noon}
	want := counted(fleet.Count{Epoch: 100, Healthy: 2, Failing: 1})
	want.Stage = open
	s.makes(fleet.Change{To: open}, true, want)
}

func order(number int64, mode resilience.Mode) fleet.Order {
	return fleet.Order{Number: number, Mode: mode, By: "ada", Why: "a reason", At: noon, FoundMode: resilience.Auto, Found: resilience.Open}
}

func (s *suite) gives(c fleet.Change, o fleet.Order, want bool) {
	s.Helper()
	if done, err := s.store.Give(s.Context(), c, o); err != nil || done != want {
		s.Fatalf("%+v: done %v, %v; want done %v", o, done, err, want)
	}
}

func (s *suite) ordered() {
	first, second := order(1, resilience.ForcedOpen), order(2, resilience.Auto)
	s.gives(fleet.Change{To: fleet.Stage{Version: 1}}, first, true)
	s.is(fleet.Record{Stage: fleet.Stage{Version: 1}, Mode: resilience.ForcedOpen, Orders: 1, Order: first})
	s.gives(fleet.Change{From: 1, To: fleet.Stage{Version: 2}}, second, true)
	s.is(fleet.Record{Stage: fleet.Stage{Version: 2}, Mode: resilience.Auto, Orders: 2, Order: second})
	for i, want := range []fleet.Order{first, second} {
		got, err := s.store.Given(s.Context(), int64(i+1))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			s.Errorf("order %d: %v (-want +got):\n%s", i+1, err, diff)
		}
	}
	if got, err := s.store.Given(s.Context(), 3); err == nil {
		s.Errorf("an order that nobody gave: %+v", got)
	}
	// A change leaves the mode alone.
	open := fleet.Stage{Version: 3, State: resilience.Open, Until: noon}
	s.makes(fleet.Change{From: 2, To: open}, true, fleet.Record{Stage: open, Mode: resilience.Auto, Orders: 2, Order: second})
}

func (s *suite) lateOrder() {
	first := order(1, resilience.ForcedOpen)
	s.gives(fleet.Change{To: fleet.Stage{Version: 1}}, first, true)
	s.gives(fleet.Change{To: fleet.Stage{Version: 1}}, order(2, resilience.Auto), false)
	s.gives(fleet.Change{From: 1, To: fleet.Stage{Version: 2}}, order(1, resilience.Auto), false)
	s.is(fleet.Record{Stage: fleet.Stage{Version: 1}, Mode: resilience.ForcedOpen, Orders: 1, Order: first})
	if got, err := s.store.Given(s.Context(), 2); err == nil {
		s.Errorf("an order that did nothing is kept: %+v", got)
	}
}

const racers = 20

func (s *suite) race() {
	var won atomic.Int64
	var all sync.WaitGroup
	for range racers {
		all.Go(func() {
			if _, done, err := s.store.Change(s.Context(), fleet.Change{To: fleet.Stage{Version: 1}}); err != nil {
				s.Error(err)
			} else if done {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		s.Errorf("%d changes from one version were made, want one", won.Load())
	}
}

func (s *suite) reports() {
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			if _, done, err := s.store.Report(s.Context(), report(0, 100, int64(i), 1)); err != nil || !done {
				s.Errorf("done %v, %v", done, err)
			}
		})
	}
	all.Wait()
	s.is(counted(fleet.Count{Epoch: 100, Healthy: racers * (racers - 1) / 2, Failing: racers}))
}

func (s *suite) ended() {
	over, cancel := context.WithCancel(s.Context())
	cancel()
	if _, err := s.store.Read(over, false); err == nil {
		s.Error("read without time")
	}
	if _, done, err := s.store.Change(over, fleet.Change{To: fleet.Stage{Version: 1}}); err == nil || done {
		s.Errorf("change without time: done %v, %v", done, err)
	}
	if _, done, err := s.store.Report(over, report(0, 100, 1, 1)); err == nil || done {
		s.Errorf("report without time: done %v, %v", done, err)
	}
	if done, err := s.store.Give(over, fleet.Change{To: fleet.Stage{Version: 1}}, order(1, resilience.Auto)); err == nil || done {
		s.Errorf("order without time: done %v, %v", done, err)
	}
	if _, err := s.store.Given(over, 1); err == nil {
		s.Error("order read without time")
	}
	s.is(fleet.Record{})
}
