package resilience

// Refusal is an error of a policy that did not make the call. The call certainly
// had no effect, and its dependency was not asked.
type Refusal string

const (
	// ErrOpen: a breaker is open, or half-open with every probe on its way.
	ErrOpen Refusal = "circuit breaker is open"
	// ErrFull: a bulkhead has neither room nor a place to wait, or the wait took
	// too long.
	ErrFull Refusal = "bulkhead is full"
	// ErrOver: the context was over before the call could begin.
	ErrOver Refusal = "no time left for the call"
)

var (
	_ Classified = Refusal("")
	_ Neutral    = Refusal("")
)

// Error implements error.
func (r Refusal) Error() string { return string(r) }

// Class implements Classified: nothing happened.
func (r Refusal) Class() Class { return Transient }

// Neutral implements the interface of that name: nobody was asked.
func (r Refusal) Neutral() bool { return true }
