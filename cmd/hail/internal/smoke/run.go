package smoke

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// Target is the stack to check. The functions are nil where the stack cannot be looked
// into; the checks that need them are then named as not made.
type Target struct {
	API        string // base URL
	Rider      string // access token of a rider
	OtherRider string // of another
	Dispatch   string // of a dispatcher
	Ops        string // of an operator

	// Patience is how long a booking may take to be decided, cold starts of all
	// functions included; 0 means a minute.
	Patience time.Duration

	// Ledger returns what the payment provider has for a booking.
	Ledger func(ctx context.Context, bookingID string) ([]Payment, error)
	// RefundByHand has the provider give money back, in minor units, without the
	// service being asked.
	RefundByHand func(ctx context.Context, ref string, amount int64) error
	// View returns the version of the booking that the projector has written, 0 for none.
	View func(ctx context.Context, bookingID string) (version int64, err error)
	// DeadLetters returns how many messages lie in each dead-letter queue.
	DeadLetters func(ctx context.Context) (map[string]int, error)

	// Forged are tokens that must be refused, by what is wrong with them.
	Forged map[string]string
}

// Payment is a payment at the provider.
type Payment struct {
	Ref        string
	Authorized int64 // in minor units: what was ever held
	Captured   int64
	Currency   string
	OpenHold   bool
}

// Report is the outcome of a run.
type Report struct {
	Checks []Check `json:"checks"`
	Passed int     `json:"passed"`
	Failed int     `json:"failed"`
	// Confirmed is the time from sending the POST to reading the booking as confirmed.
	Confirmed time.Duration `json:"confirmed_ns"`
}

// Check is the outcome of one check.
type Check struct {
	Name  string `json:"name"`
	Error string `json:"error,omitempty"`
}

// Run checks the target and writes a line for each check on out as it ends.
func Run(ctx context.Context, target Target, out io.Writer) Report {
	return run(ctx, target, out,
		(*session).openRoutes, (*session).happyBooking, (*session).quotes, (*session).repeatedRequest, (*session).callers, (*session).forgers,
		(*session).refusedRequests, (*session).reads, (*session).ride, (*session).rideIsPaid, (*session).refunds, (*session).earlyEnds,
		(*session).declinedCard, (*session).ownBookings, (*session).deadLetters)
}

// RunAPI checks a target of which only the HTTP API runs: no payment is made, and no
// view written.
func RunAPI(ctx context.Context, target Target, out io.Writer) Report {
	return run(ctx, target, out,
		(*session).openRoutes, (*session).firstBooking, (*session).readBack, (*session).sameAgain, (*session).callers, (*session).forgers,
		(*session).refusedRequests)
}

func run(ctx context.Context, target Target, out io.Writer, groups ...func(*session)) Report {
	if target.Patience == 0 {
		target.Patience = time.Minute
	}
	s := &session{
		ctx: ctx, target: target, out: out,
		rider:    api.Client{Base: target.API, Token: target.Rider},
		other:    api.Client{Base: target.API, Token: target.OtherRider},
		dispatch: api.Client{Base: target.API, Token: target.Dispatch},
		ops:      api.Client{Base: target.API, Token: target.Ops},
		key:      rand.Text(),
	}
	for _, group := range groups {
		group(s)
	}
	return s.report
}

// session is one run: the clients, and the booking that most checks are about.
type session struct {
	ctx    context.Context //nolint:containedctx // lives as long as one call of Run
	target Target
	out    io.Writer
	report Report

	rider, other, dispatch, ops api.Client

	key       string
	quote     api.Quote
	created   api.Response // of the first POST
	booking   api.Booking  // as the first POST showed it
	confirmed api.Booking  // as it was read once it was confirmed
	assigned  api.Response // to the command that gave it a driver
	completed api.Booking  // as it was when the ride ended
	requested []string     // the ids of the rider's bookings, oldest first
}

// check runs one check and reports it.
func (s *session) check(name string, do func() error) { s.report.Check(s.ctx, s.out, name, do) }

// Check runs one check and adds it to the report, and a line to out.
func (r *Report) Check(ctx context.Context, out io.Writer, name string, do func() error) {
	err := ctx.Err() // after an interrupt everything else fails, too
	if err == nil {
		err = do()
	}
	result := Check{Name: name}
	if err != nil {
		result.Error = strings.ReplaceAll(err.Error(), "\n", "; ")
		r.Failed++
		fmt.Fprintf(out, "✗ %s: %s\n", name, result.Error)
	} else {
		r.Passed++
		fmt.Fprintf(out, "✓ %s\n", name)
	}
	r.Checks = append(r.Checks, result)
}

// note writes a line that is no check.
func (s *session) note(format string, args ...any) {
	fmt.Fprintf(s.out, "  "+format+"\n", args...)
}

// eventually repeats try until it succeeds or patience ends; it returns the last error.
func (s *session) eventually(try func() error) error {
	return Eventually(s.ctx, s.target.Patience, 25*time.Millisecond, try)
}
