package stripegateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// maxRetryAfter bounds what a Retry-After may claim. The caller caps it further.
const maxRetryAfter = time.Hour

// Codes of ours, where the provider gave none.
const (
	codeNotSent       = "not_sent"
	codeCanceled      = "canceled"
	codeTimeout       = "timeout"
	codeLost          = "connection_lost"
	codeUnreadable    = "unreadable_response"
	codeUnrecognized  = "unrecognized"
	codeAction        = "authentication_required"
	codeInvalidParams = "invalid_request"
)

// ResponseError is what may be kept of a failure that the provider answered:
// nothing of its text.
type ResponseError struct {
	Status      int
	Type        string
	DeclineCode string
	RequestID   string
}

// Error implements error.
func (e *ResponseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "status %d", e.Status)
	for _, part := range []struct{ name, value string }{
		{"type", e.Type}, {"decline", e.DeclineCode}, {"request", e.RequestID},
	} {
		if part.value != "" {
			fmt.Fprintf(&b, ", %s %s", part.name, part.value)
		}
	}
	return b.String()
}

// failure names the outcome of an attempt that the client reports as an error.
func (g *Gateway) failure(ctx context.Context, doing string, x *exchange, err error) *payments.Error {
	if x.status == 0 {
		return unanswered(ctx, doing, x)
	}
	response := &ResponseError{Status: x.status, RequestID: idOf(x.header.Get("Request-Id"))}
	code := "http_" + strconv.Itoa(x.status)
	var param string
	var said *stripe.Error
	if errors.As(err, &said) {
		param = said.Param
		response.Type = wordOf(string(said.Type))
		response.DeclineCode = wordOf(string(said.DeclineCode))
		code = firstOf(wordOf(string(said.Code)), response.Type, code)
	} else if x.status < http.StatusBadRequest || x.err != nil {
		return unintelligible(doing, x, x.err)
	}
	class := obeying(x.header.Get("Stripe-Should-Retry"), classOf(x.status, response.Type, code, param))
	return &payments.Error{
		Outcome:    class,
		Code:       code,
		RetryAfter: retryAfter(x.header.Get("Retry-After"), g.now()),
		Replayed:   x.replayed(),
		Refused:    class == resilience.Permanent && (said == nil || refusesUs(x.status)),
		Err:        fmt.Errorf("%s: %w", doing, response),
	}
}

// obeying is a class after the provider's own word on repeating the call. Its word
// makes nothing safer than it is by our table: repeating after an outcome that is
// Unknown stays the business of whoever has retrieved the object.
func obeying(shouldRetry string, class resilience.Class) resilience.Class {
	switch {
	case shouldRetry == "false" && class == resilience.Transient: // not soon
		return resilience.Unknown
	case shouldRetry == "true" && class == resilience.Permanent: // not for ever
		return resilience.Unknown
	default:
		return class
	}
}

// refusesUs tells whether an answer is about the API key. An answer without an error
// that the client can read is not Stripe's: then the address is wrong.
func refusesUs(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// classOf is the one table from answers to classes. What is in none of its
// rows is Unknown.
func classOf(status int, typ, code, param string) resilience.Class {
	if typ == string(stripe.ErrorTypeCard) {
		return resilience.Declined
	}
	if status == http.StatusBadRequest && param == "payment_method" {
		return resilience.Declined // the rider's token is unknown, used up or somebody else's
	}
	switch stripe.ErrorCode(code) {
	case stripe.ErrorCodePaymentIntentActionRequired:
		return resilience.Declined
	case stripe.ErrorCodePaymentIntentUnexpectedState, stripe.ErrorCodeIntentInvalidState,
		stripe.ErrorCodeChargeAlreadyCaptured, stripe.ErrorCodeChargeExpiredForCapture,
		stripe.ErrorCodeCaptureChargeAuthorizationExpired,
		stripe.ErrorCodeIdempotencyKeyInUse, stripe.ErrorCodeLockTimeout:
		return resilience.Unknown // another call has been, or is, at the object
	}
	switch status {
	case http.StatusTooManyRequests:
		return resilience.Transient // refused at the door
	case http.StatusPaymentRequired, http.StatusRequestTimeout, http.StatusConflict,
		http.StatusFailedDependency, http.StatusTooEarly:
		return resilience.Unknown // accepted, and then something went wrong
	}
	if status >= 400 && status < 500 {
		return resilience.Permanent
	}
	return resilience.Unknown
}

// unanswered names an attempt that brought no answer.
func unanswered(ctx context.Context, doing string, x *exchange) *payments.Error {
	if !x.entered {
		return refuse(codeInvalidParams, "%s: the request could not be built", doing)
	}
	e := &payments.Error{Outcome: resilience.Unknown, Code: codeLost, Err: fmt.Errorf("%s: %w", doing, x.err)}
	if ended := ctx.Err(); ended != nil && !errors.Is(x.err, ended) {
		e.Err = fmt.Errorf("%s: %w: %w", doing, ended, x.err)
	}
	switch {
	case x.certainlyNotSent():
		e.Outcome, e.Code = resilience.Transient, codeNotSent
	case errors.Is(ctx.Err(), context.Canceled):
		e.Code = codeCanceled
	case ctx.Err() != nil, isTimeout(x.err):
		e.Code = codeTimeout
	}
	return e
}

// unintelligible is an answer that cannot be read to its end, or not be right.
func unintelligible(doing string, x *exchange, cause error) *payments.Error {
	response := &ResponseError{Status: x.status, RequestID: idOf(x.header.Get("Request-Id"))}
	err := fmt.Errorf("%s: %w", doing, response)
	if cause != nil {
		err = fmt.Errorf("%s: %w: %w", doing, response, cause)
	}
	return &payments.Error{Outcome: resilience.Unknown, Code: codeUnreadable, Replayed: x.replayed(), Err: err}
}

func actionRequired(doing string, x *exchange) *payments.Error {
	return &payments.Error{
		Outcome: resilience.Declined, Code: codeAction, Replayed: x.replayed(),
		Err: fmt.Errorf("%s: the card wants its owner to act", doing),
	}
}

// refuse is a call that is wrong by itself. Nothing is sent.
func refuse(code, format string, args ...any) *payments.Error {
	return &payments.Error{Outcome: resilience.Permanent, Code: code, Err: fmt.Errorf(format, args...)}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// retryAfter is what a header asks to wait. Nonsense and the past are zero.
func retryAfter(v string, now time.Time) time.Duration {
	wait, _ := resilience.ParseRetryAfter(v, now)
	return min(wait, maxRetryAfter)
}

// wordOf lets through what has the shape of a code, so that no text of an
// answer gets into logs by that way.
func wordOf(s string) string {
	if s == "" {
		return ""
	}
	if len(s) > 100 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return codeUnrecognized
	}
	return s
}

func idOf(s string) string {
	if len(s) > 100 || !isIdentifier(s) {
		return ""
	}
	return s
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
