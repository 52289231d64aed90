package httpapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// Codes of problems that arise here, besides those of booking.Rejection.
const (
	CodeMissingKey       = booking.Code("missing-idempotency-key")
	CodeMalformed        = booking.Code("malformed-request")
	CodeTooLarge         = booking.Code("payload-too-large")
	CodeUnsupportedMedia = booking.Code("unsupported-media-type")
	CodeInvalidSignature = booking.Code("invalid-signature")
	CodeUnauthorized     = booking.Code("unauthorized")
	CodeForbidden        = booking.Code("forbidden")
	CodeNotFound         = booking.CodeNotFound
	CodeVersionMismatch  = booking.CodeVersionMismatch
	CodeInternal         = booking.Code("internal")
	CodeUnavailable      = booking.Code("unavailable")
)

// statuses is the one table from codes to statuses and titles.
var statuses = map[booking.Code]struct {
	status int
	title  string
}{
	CodeMissingKey:               {http.StatusBadRequest, "Idempotency-Key is missing"},
	CodeMalformed:                {http.StatusBadRequest, "Malformed request"},
	CodeTooLarge:                 {http.StatusRequestEntityTooLarge, "Request body is too large"},
	CodeUnsupportedMedia:         {http.StatusUnsupportedMediaType, "Unsupported media type"},
	CodeInvalidSignature:         {http.StatusBadRequest, "Invalid signature"},
	CodeUnauthorized:             {http.StatusUnauthorized, "Unauthorized"},
	CodeForbidden:                {http.StatusForbidden, "Forbidden"},
	CodeNotFound:                 {http.StatusNotFound, "Not found"},
	booking.CodeInvalidState:     {http.StatusConflict, "Not possible in this state"},
	booking.CodeDriverBusy:       {http.StatusConflict, "The driver is busy"},
	booking.CodeFareChanged:      {http.StatusConflict, "The fare has changed"},
	CodeVersionMismatch:          {http.StatusPreconditionFailed, "Version mismatch"},
	booking.CodeValidationFailed: {http.StatusUnprocessableEntity, "Validation failed"},
	booking.CodeKeyReused:        {http.StatusUnprocessableEntity, "Idempotency key was reused"},
	CodeInternal:                 {http.StatusInternalServerError, "Internal error"},
	CodeUnavailable:              {http.StatusServiceUnavailable, "Temporarily unavailable"},
}

const (
	internalDetail    = "Something went wrong on our side. The request id helps us to find out what."
	unavailableDetail = "The service is busy, or a part of it cannot be reached. Repeat the request, a write with the same Idempotency-Key: whether it had its effect is not known."
	retryAfterSeconds = "1"
)

// problemBody is an RFC 9457 problem with the extensions code and errors.
type problemBody struct {
	Type     string               `json:"type"`
	Title    string               `json:"title"`
	Status   int                  `json:"status"`
	Detail   string               `json:"detail"`
	Instance string               `json:"instance,omitzero"`
	Code     booking.Code         `json:"code"`
	Errors   []booking.FieldError `json:"errors,omitzero"`
}

func problem(code booking.Code, detail string) *booking.Rejection {
	return &booking.Rejection{Code: code, Detail: detail}
}

// fail answers with the problem that err stands for. What is nobody's fault but
// ours is logged in full and shown to the client as little more than a status.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	var rejected *booking.Rejection
	switch {
	case errors.As(err, &rejected) && statuses[rejected.Code].status != 0:
	case isTransient(err):
		a.Log.WarnContext(r.Context(), "unavailable", "error", err.Error())
		rejected = problem(CodeUnavailable, unavailableDetail)
	case errors.Is(err, context.Canceled):
		a.Log.InfoContext(r.Context(), "client left")
		rejected = problem(CodeUnavailable, unavailableDetail)
	default:
		a.Log.ErrorContext(r.Context(), "internal error", "error", err.Error())
		rejected = problem(CodeInternal, internalDetail)
	}
	writeProblem(w, r, rejected)
}

// isTransient tells whether the same request may be granted a moment later: when
// what is down is up again, a race is over, or the deployment that this build is
// older than has replaced it.
func isTransient(err error) bool {
	return errors.Is(err, events.ErrUnavailable) || errors.Is(err, events.ErrConflict) || errors.Is(err, readmodel.ErrUnavailable) ||
		errors.Is(err, booking.ErrUnknownEvent) || errors.Is(err, errNoCursorKey) || errors.Is(err, errNoIdentity) || errors.Is(err, errNotice)
}

func writeProblem(w http.ResponseWriter, r *http.Request, p *booking.Rejection) {
	clear(w.Header()) // of what was meant to be a success
	entry := statuses[p.Code]
	body, err := json.Marshal(problemBody{
		Type: "urn:hailstone:problem:" + string(p.Code), Title: entry.title, Status: entry.status,
		Detail: p.Detail, Instance: requestOf(r.Context()).ID, Code: p.Code, Errors: p.Fields,
	})
	if err != nil { // only strings and numbers go in, all of them valid UTF-8
		body = []byte(`{"status":500}`)
	}
	if entry.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfterSeconds)
	}
	if entry.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if p.Detail == codingDetail {
		w.Header().Set("Accept-Encoding", "identity")
	}
	write(w, entry.status, "application/problem+json", body)
}

// write answers with a body that nobody may keep, unless the handler said
// otherwise before.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = bytes.NewReader(body).WriteTo(w) // if the client has left, there is nobody to tell
}
