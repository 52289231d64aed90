package sim

import (
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// Lag is how late things became right, at the worst.
type Lag struct {
	// First and Later are of views: from the first commit of a booking, or another one,
	// until it was shown.
	First, Later time.Duration
	// Settled is from the end of a booking until its payment was settled.
	Settled time.Duration
}

// pending are the commits of a booking that its view does not show yet, and when the
// booking ended whose payment is not settled yet.
type pending struct {
	commits []unshown
	ended   time.Time
	settled bool
}

type unshown struct {
	version int64
	at      time.Time
}

// committed takes note of a commit that is to be shown.
func (o *oracle) committed(a *account, version int64) {
	a.pending.commits = append(a.pending.commits, unshown{version, time.Now()})
	if !a.state.Status.Terminal() {
		return
	}
	if a.pending.ended.IsZero() {
		a.pending.ended = time.Now()
	}
	// A refund or a dispute of weeks later finds it settled.
	if a.state.Payment.Status.Settled() && !a.pending.settled {
		a.pending.settled = true
		o.result.Lag.Settled = max(o.result.Lag.Settled, time.Since(a.pending.ended))
	}
}

// shows takes note of what the view that is read shows from now on.
func (o *oracle) shows(id booking.ID, version int64) {
	a := o.streams[id.Stream()]
	if a == nil {
		return
	}
	for len(a.pending.commits) > 0 && a.pending.commits[0].version <= version {
		lag := &o.result.Lag.Later
		if a.pending.commits[0].version == 1 {
			lag = &o.result.Lag.First
		}
		*lag = max(*lag, time.Since(a.pending.commits[0].at))
		a.pending.commits = a.pending.commits[1:]
	}
}
