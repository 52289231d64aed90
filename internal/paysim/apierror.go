package paysim

import (
	"fmt"
	"net/http"
	"strconv"
)

// Types of errors on the wire.
const (
	typeAPI         = "api_error"
	typeCard        = "card_error"
	typeIdempotency = "idempotency_error"
	typeInvalid     = "invalid_request_error"
)

const codeUnexpectedState = "payment_intent_unexpected_state"

// apiError is an error as the API answers it.
type apiError struct {
	status int
	header map[string]string
	intent *intent

	Type          string      `json:"type"`
	Code          string      `json:"code,omitempty"`
	DeclineCode   string      `json:"decline_code,omitempty"`
	Message       string      `json:"message"`
	Param         string      `json:"param,omitempty"`
	Charge        string      `json:"charge,omitempty"`
	PaymentIntent *intentJSON `json:"payment_intent,omitempty"`
}

// result is the error in one word.
func (e *apiError) result() string { return firstOf(e.Code, e.Type) }

func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{
		status: http.StatusBadRequest, Type: typeInvalid, Code: code, Param: param,
		Message: fmt.Sprintf(format, args...),
	}
}

func missingParam(name string) *apiError {
	return invalid("parameter_missing", name, "Missing required parameter: %s.", name)
}

// noSuch is the answer for an unknown id: 404 in the path, 400 in a parameter.
func noSuch(status int, what, id, param string) *apiError {
	e := invalid("resource_missing", param, "No such %s: '%s'", what, id)
	e.status = status
	return e
}

func unexpectedState(p *intent, format string, args ...any) *apiError {
	e := invalid(codeUnexpectedState, "", format, args...)
	e.intent = p
	return e
}

func unauthorized() *apiError {
	return &apiError{
		status: http.StatusUnauthorized, Type: typeInvalid,
		header:  map[string]string{"WWW-Authenticate": `Bearer realm="paysim"`},
		Message: "No valid API key was provided. Send it as 'Authorization: Bearer KEY'.",
	}
}

func rateLimited(retryAfter int64) *apiError {
	return &apiError{
		status: http.StatusTooManyRequests, Type: typeInvalid, Code: "rate_limit",
		header:  map[string]string{"Retry-After": strconv.FormatInt(retryAfter, 10)},
		Message: "Request rate limit exceeded.",
	}
}

// locked is Stripe's answer while another call works on the object.
func locked() *apiError {
	return &apiError{
		status: http.StatusTooManyRequests, Type: typeInvalid, Code: "lock_timeout",
		header:  map[string]string{"Stripe-Should-Retry": "true"},
		Message: "This object cannot be accessed right now because another request is working on it.",
	}
}

func keyInUse() *apiError {
	return &apiError{
		status: http.StatusConflict, Type: typeIdempotency, Code: "idempotency_key_in_use",
		header:  map[string]string{"Stripe-Should-Retry": "true"},
		Message: "Another request with this idempotency key is in progress.",
	}
}

func keyReused() *apiError {
	return &apiError{
		status: http.StatusBadRequest, Type: typeIdempotency,
		Message: "An idempotency key can only be repeated with the endpoint and the parameters of its first use.",
	}
}

// internalError is an outage. The header says what Stripe's does: the answer is
// stored, so that the same key will never bring another one.
func internalError() *apiError {
	return &apiError{
		status: http.StatusInternalServerError, Type: typeAPI,
		header:  map[string]string{"Stripe-Should-Retry": "false"},
		Message: "An unknown error occurred.",
	}
}

func declined(p *intent, code, declineCode, message string) *apiError {
	e := &apiError{
		status: http.StatusPaymentRequired, Type: typeCard, Code: code, DeclineCode: declineCode,
		Message: message, intent: p,
	}
	if p.charge != nil {
		e.Charge = p.charge.id
	}
	return e
}
