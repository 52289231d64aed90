package resilience

import "errors"

// Class sorts the outcome of a call to a dependency by what may be done next.
// It says nothing about whose fault an outcome was, only what is safe.
type Class uint8

const (
	// Success: the call had its effect.
	Success Class = iota
	// Declined: a healthy dependency said no for a reason of the business. Not
	// retried, and a success in the eyes of a breaker.
	Declined
	// Transient: the call certainly had no effect; repeating it may help.
	Transient
	// Unknown: the call may or may not have had its effect. It is resolved by
	// asking the dependency, never by assuming that it did not happen.
	Unknown
	// Permanent: repeating the same call cannot help.
	Permanent
)

// String returns the class in lower case, for logs.
func (c Class) String() string {
	switch c {
	case Success:
		return "success"
	case Declined:
		return "declined"
	case Transient:
		return "transient"
	case Unknown:
		return "unknown"
	case Permanent:
		return "permanent"
	default:
		return "invalid"
	}
}

// Classified is an error that knows its own class.
type Classified interface {
	error
	Class() Class
}

// ClassOf returns the class of an outcome: Success for nil, the class of the
// first Classified error in the chain, and Unknown for every other error,
// because what cannot be named must not be assumed harmless.
func ClassOf(err error) Class {
	if err == nil {
		return Success
	}
	var c Classified
	if errors.As(err, &c) {
		return c.Class()
	}
	return Unknown
}
