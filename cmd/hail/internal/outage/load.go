package outage

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// Phase is what riders noticed while the provider was in one state.
type Phase struct {
	Name string `json:"name"`
	// Bookings were asked for; Accepted of them were answered with 201.
	Bookings int `json:"bookings"`
	Accepted int `json:"accepted"`
	// P50 and P99 are of the time from a request to its answer, of the load alone.
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
	// Failure is one of the answers that were not 201.
	Failure string `json:"failure,omitempty"`

	ids []string // of the bookings that were accepted
}

// tally gathers what comes of bookings. It is safe for concurrent use.
type tally struct {
	mu    sync.Mutex
	phase Phase
	took  []time.Duration
}

// load books n times, by so many clients at once, each as fast as it gets answers.
func (r *run) load(ctx context.Context, t *tally, n int) {
	var next atomic.Int64
	var clients sync.WaitGroup
	for range r.Clients {
		clients.Go(func() {
			for next.Add(1) <= int64(n) && ctx.Err() == nil {
				r.book(ctx, t, true)
			}
		})
	}
	clients.Wait()
}

// trickle books once a second until a time: an outage lasts longer than the load.
func (r *run) trickle(ctx context.Context, t *tally, until time.Time) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for time.Now().Before(until) {
		r.book(ctx, t, false)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// book makes one booking. It is never repeated: whoever has to ask twice has noticed
// something.
func (r *run) book(ctx context.Context, t *tally, timed bool) {
	key := r.key + "-" + strconv.FormatInt(r.booked.Add(1), 10)
	began := time.Now()
	response, err := r.rider.Do(ctx, api.Request{Method: http.MethodPost, Path: "/v1/bookings", Key: key, Body: api.SampleRequest()})
	took := time.Since(began)
	var booking api.Booking
	if err == nil {
		if err = response.Err(http.StatusCreated); err == nil {
			err = response.Decode(&booking)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase.Bookings++
	if timed {
		t.took = append(t.took, took)
	}
	if err != nil {
		t.phase.Failure = err.Error()
		return
	}
	t.phase.Accepted++
	t.phase.ids = append(t.phase.ids, booking.ID)
}

// done returns the phase.
func (t *tally) done() Phase {
	t.phase.P50, t.phase.P99 = percentile(t.took, 50), percentile(t.took, 99)
	return t.phase
}

// percentile returns the p-th percentile by the nearest rank: the smallest value that
// at least p of 100 do not exceed. It is 0 for no values.
func percentile(values []time.Duration, p int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)*p+99)/100-1]
}

func (p Phase) String() string {
	return fmt.Sprintf("%-24s %5d bookings, %5d accepted, p50 %4d ms, p99 %4d ms", p.Name, p.Bookings, p.Accepted, p.P50.Milliseconds(), p.P99.Milliseconds())
}
