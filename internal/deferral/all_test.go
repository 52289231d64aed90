package deferral_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/deferral/deferraltest"
)

func TestAllAreListedThoseThatWaitLongestFirst(t *testing.T) {
	t.Parallel()
	const n = 1000 // several pages of each shard
	var items deferraltest.Memory
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	for i := range n {
		d := deferral.Deferral{Booking: deferraltest.ID(i), Reason: deferral.ReceivedAgain, At: at.Add(-time.Duration(i) * time.Second), First: at}
		if err := items.Defer(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	all, err := deferral.All(t.Context(), &items)
	if err != nil || len(all) != n {
		t.Fatalf("%d of %d (%v)", len(all), n, err)
	}
	if !slices.IsSortedFunc(all, func(a, b deferral.Item) int { return a.Since.Compare(b.Since) }) || all[0].Booking != deferraltest.ID(n-1) {
		t.Error("they are not in order")
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := deferral.All(canceled, &items); err == nil {
		t.Error("a store that is away lists nothing, and that is no error")
	}
}
