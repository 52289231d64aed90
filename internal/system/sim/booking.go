package sim

import (
	"context"
	"net/http"

	"github.com/hailstone-rides/hailstone"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// bookingPart is the function behind the gateway.
func bookingPart() part {
	return part{wire: func(w *World) error {
		tariff, err := booking.LoadTariff("standard-2026")
		if err != nil {
			return err
		}
		for _, env := range w.environments("booking", 3) {
			w.apis = append(w.apis, api{env, w.api(env, tariff)})
		}
		return nil
	}}
}

// api is one environment of the booking function.
type api struct {
	*environment
	http.Handler
}

func (w *World) api(env *environment, tariff booking.Tariff) http.Handler {
	return (&httpapi.API{
		Bookings: w.service(), Views: w.live(env), Tariff: tariff, Now: env.now, Log: w.log(),
		Payments: w.breaker().State, Notices: w.notices(env),
		CursorKey: func(context.Context) ([]byte, error) { return []byte("the key of a world that is not real"), nil },
		Release:   hailstone.Release, Spec: hailstone.OpenAPI,
	}).Handler()
}

// service is the write loop, as every function that writes has one.
func (w *World) service() *booking.Service {
	return &booking.Service{
		Store: eventLog{w}, Backoff: booking.RaceBackoff(w.jitter), Sleep: w.sched.sleep, Log: w.log(),
	}
}
