// Package awserror says what an error of an AWS call means: whether the SDK repeats the
// call, whether another write came first, whether the service is unavailable, or whether
// the call itself is wrong. It is the one table of error codes; adapters translate its
// classes into the errors of the interfaces that they implement.
//
// It imports no AWS service, so that a function links only the clients that it uses.
package awserror

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Class is what to do about an error.
type Class string

const (
	// Retry is an error that the SDK's client repeats the call after, as awsenv configures
	// it. A caller sees it when all attempts are used up; the same call may succeed later.
	Retry Class = "retry"
	// Conflict is a race that this call lost: load again and decide again.
	Conflict Class = "conflict"
	// Unavailable is an error that a repeat at once does not mend, and a later one may:
	// the network, credentials that have expired, an error that this table does not know.
	Unavailable Class = "unavailable"
	// Bug is an error that no repeat mends: the request, the rights of the role or the
	// deployment (a table, a queue, a key) must be changed.
	Bug Class = "bug"
)

// Of returns the class of an error that a call of the SDK returned. That of a canceled
// transaction depends on its reasons, see [OfReasons].
func Of(err error) Class {
	var api smithy.APIError
	if errors.As(err, &api) {
		if class, known := codes[api.ErrorCode()]; known {
			return class
		}
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= 500 {
		return Retry
	}
	return Unavailable
}

// OfReasons returns the class of a canceled transaction by the codes of its reasons. A
// failed condition comes first, and then what no repeat mends: no other reason can be
// over sooner. An unknown code makes it Unavailable.
func OfReasons(reasons ...string) Class {
	class := Unavailable
	for _, r := range []string{reasonCondition, reasonValidation, reasonCollection, reasonConflict, reasonThroughput, reasonThrottling} {
		if slices.Contains(reasons, r) {
			class = cancellations[r]
			break
		}
	}
	return class
}

// Repeated returns the codes of the class Retry, for the SDK's retryer: it knows most of
// them, not all.
func Repeated() map[string]struct{} {
	repeated := map[string]struct{}{}
	for code, class := range codes {
		if class == Retry {
			repeated[code] = struct{}{}
		}
	}
	return repeated
}

// Mark returns err wrapped together with unavailable, the error by which an interface
// says that its store could not be reached; a Bug is returned as it is, since waiting
// does not mend it.
func Mark(err, unavailable error) error {
	if Of(err) == Bug {
		return err
	}
	return fmt.Errorf("%w: %w", unavailable, err)
}
