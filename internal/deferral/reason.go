package deferral

// The reasons. The words are storage format, and what operators see.
const (
	BreakerOpen   Reason = "breaker_open"    // the provider is not to be called now
	OutOfTime     Reason = "out_of_time"     // the invocation ended first
	Unavailable   Reason = "unavailable"     // every attempt failed without effect
	Unknown       Reason = "outcome_unknown" // the provider may or may not have acted
	Undecided     Reason = "undecided"       // the provider has not decided yet
	Mismatch      Reason = "mismatch"        // what the provider answered does not fit what was asked
	Refused       Reason = "refused"         // for us, not for the card: a wrong key, or a bug
	ReceivedAgain Reason = "received_again"  // the function was interrupted, again and again
	NeverTried    Reason = "never_tried"     // the sweeper found it owed, and nobody at it
)
