package resilience

import (
	"context"
	"errors"
)

// Verdict is what the end of a call says about the health of the dependency. A
// breaker measures the dependency, not the fate of the caller's task.
type Verdict uint8

const (
	// Uncounted: nothing about its health. The call was not made, or given up by
	// the caller, or answered from a memory.
	Uncounted Verdict = iota
	// Healthy: it did its work, even if its answer was no.
	Healthy
	// Failing: it did not answer in time, or not sensibly.
	Failing
)

// String returns the verdict in lower case.
func (v Verdict) String() string {
	switch v {
	case Uncounted:
		return "uncounted"
	case Healthy:
		return "healthy"
	case Failing:
		return "failing"
	default:
		return "invalid"
	}
}

// Neutral is an error that may know that it says nothing about the health of the
// dependency: a replayed response, or a conflict with another call of our own.
type Neutral interface {
	error
	Neutral() bool
}

// Judge returns what an error says about the health of the dependency. Success
// and a decline are healthy; transient and unknown outcomes are failing. A
// permanent one counts as nothing, because it may have been found before anything
// was sent. So does a call that its caller canceled, and whatever calls itself
// Neutral.
func Judge(err error) Verdict {
	if err == nil {
		return Healthy
	}
	var n Neutral
	if errors.Is(err, context.Canceled) || errors.As(err, &n) && n.Neutral() {
		return Uncounted
	}
	switch ClassOf(err) {
	case Success, Declined:
		return Healthy
	case Permanent:
		return Uncounted
	default:
		return Failing
	}
}
