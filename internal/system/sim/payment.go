package sim

import (
	"context"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/queue"
)

// switchedOff is a payment function that somebody switches off, for longer than the
// provider remembers keys.
const switchedOff fault = "switched off"

// paymentPart is the function that carries out what bookings owe, and its queue.
func paymentPart() part {
	return part{onceAWorld: odds{switchedOff: 0.1}, wire: func(w *World) error {
		w.owed = w.queue("payment", 1, 4)
		w.owed.acknowledged = w.deferred.acknowledged
		workers := map[*environment]*deferral.Worker{}
		for _, env := range w.owed.environs {
			processor, err := w.processor(env)
			if err != nil {
				return err
			}
			workers[env] = w.worker(env, processor)
		}
		w.owed.handle = func(ctx context.Context, env *environment, d queue.Delivery, _ booking.ID) error {
			return workers[env].Handle(ctx, d)
		}
		return nil
	}}
}

func (w *World) processor(env *environment) (*payments.Processor, error) {
	// The guard compares its clock with deadlines of contexts, which know no skew.
	guard, err := payments.NewGuard(provider{w}, w.breaker(), time.Now, w.jitter)
	if err != nil {
		return nil, err
	}
	guard.Retry.Sleep = w.sched.sleep
	return &payments.Processor{Bookings: w.service(), Gateway: guard, Now: env.now, Log: w.log(), NewKey: func() string {
		w.keys++
		return "fresh-" + strconv.Itoa(w.keys)
	}}, nil
}

// switchOff plans when the payment function is off: after every other outage, in
// which some wait with their ride.
func (w *World) switchOff() {
	if !w.strikes(switchedOff, "operations") {
		return
	}
	from := time.Now()
	for _, end := range []time.Time{w.stream.stoppedUntil, w.downUntil} {
		if end.After(from) {
			from = end
		}
	}
	w.owed.offFrom = from.Add(time.Duration(90+w.src.pick("switched off after", 90)) * time.Minute)
	w.owed.offUntil = w.owed.offFrom.Add(25 * time.Hour)
	w.tell("", "the payment function is off from %s to %s", w.since(w.owed.offFrom), w.since(w.owed.offUntil))
}
