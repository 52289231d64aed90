package lambdahttp

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// tell says how a request was answered. Of the path it says only the route: the rest
// could be anything.
func tell(ctx context.Context, r *http.Request, answer lambdaevents.APIGatewayV2HTTPResponse) {
	route := r.Pattern
	if route == "/" || route == "" {
		route = "none"
	}
	telemetry.Correlate(ctx, telemetry.Origin{BookingID: bookingOf(r, answer)})
	telemetry.Note(ctx, outcome(answer.StatusCode), slog.String("route", route), slog.Int("status", answer.StatusCode))
	if answer.Headers["Idempotency-Replayed"] != "" {
		telemetry.Add(ctx, telemetry.Replays, 1)
	}
	if metric := refusal(answer.StatusCode); metric != "" {
		telemetry.Add(ctx, metric, 1)
	}
}

// bookingOf returns the booking that a request was about, if it names one.
func bookingOf(r *http.Request, answer lambdaevents.APIGatewayV2HTTPResponse) string {
	named := r.PathValue("id")
	if named == "" {
		named = strings.TrimPrefix(answer.Headers["Location"], "/v1/bookings/")
	}
	if !booking.ID(named).Valid() {
		return ""
	}
	return named
}

func outcome(status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return telemetry.Failed
	case status >= http.StatusBadRequest:
		return telemetry.Rejected
	default:
		return telemetry.OK
	}
}

// refusal returns the metric of a status, "" for one that refuses nothing.
func refusal(status int) telemetry.Metric {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return telemetry.RejectedMalformed
	case http.StatusUnauthorized, http.StatusForbidden:
		return telemetry.RejectedAccess
	case http.StatusNotFound:
		return telemetry.RejectedUnknown
	case http.StatusConflict:
		return telemetry.RejectedState
	case http.StatusPreconditionFailed:
		return telemetry.RejectedVersion
	case http.StatusServiceUnavailable:
		return telemetry.Unavailable
	case http.StatusInternalServerError:
		return telemetry.InternalErrors
	default:
		return ""
	}
}
