package sim

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

const (
	riders = 8
	// bookingsOfRiders labels how many bookings each rider makes.
	bookingsOfRiders = "bookings of a rider"
	dispatchers      = 3
	// maxSteps without progress are a loop that leads nowhere.
	maxSteps = 100_000
	// maxStandstill is longer than any booking may stay in one state.
	maxStandstill = 50 * time.Hour
)

const (
	// asleep is a fault of operators: nobody looks at the dead letters, for days.
	asleep fault = "asleep"
	// downForDays is a provider that is away for longer than it holds money.
	downForDays fault = "down for days"
)

func operationsPart() part { return part{onceAWorld: odds{asleep: 0.05, downForDays: 0.02}} }

// populate lets the people in, and the director.
func (w *World) populate() {
	w.breakDown()
	w.bookBefore()
	for i := range riders {
		who := riderNumber(i)
		for n := range w.src.span(bookingsOfRiders, 3, 3) {
			r := &rider{World: w, who: who, key: fmt.Sprintf("%s/%d", who.name, n+1)}
			r.task = w.sched.newTask(fmt.Sprintf("%s/%d", riderName(i), n+1), nil)
			w.riding++
			w.sched.start(r.task, func(t *task) {
				if n < 2 { // half of them ride after an outage
					w.sched.park(t, w.stream.stoppedUntil)
					w.sched.park(t, w.downUntil)
				}
				r.ride()
				w.riding--
			})
		}
	}
	for i := range dispatchers {
		w.hire(dispatcher(i+1), (*staff).dispatch)
	}
	w.hire(ops(), (*staff).supervise)
	director := w.sched.newTask("director", nil)
	w.sched.start(director, w.direct)
}

func (w *World) hire(who person, work func(*staff)) {
	s := &staff{World: w, who: who, task: w.sched.newTask(who.name, nil)}
	w.sched.start(s.task, func(*task) { work(s) })
}

// done ends the run at a violation, when the director says so, or when nothing
// moves any more.
func (w *World) done() bool {
	if w.src.steps-w.moved > maxSteps {
		w.fail("the world moves on", "", "%d steps without progress", maxSteps)
	}
	return w.over || w.result.Violation != nil
}

// progressed notes that something was done for good.
func (w *World) progressed() { w.moved, w.movedAt = w.src.steps, time.Now() }

// direct leads the world through its two phases: with faults, for as long as riders
// ride, and then without, until everything is settled.
func (w *World) direct(t *task) {
	for w.riding > 0 {
		w.sched.park(t, time.Now().Add(5*time.Minute))
	}
	w.sleepIn(t)
	w.quiet = true
	w.progressed()
	w.tell("", "the faults are over")
	for !w.settled() || w.reconcileAll() {
		// A little later each time: at full minutes people begin something.
		w.sched.park(t, time.Now().Add(10*time.Minute+time.Millisecond))
		w.rescue()
		w.rebuilds.attend()
		if id, why := w.forgotten(); why != "" {
			w.fail("4: every booking reaches its end", id, "%s, and nobody is at it", why)
			return
		}
		if time.Since(w.movedAt) > maxStandstill {
			w.fail("4: every booking reaches its end", w.stuck(), "nothing moved for %s; functions running: %d, queues: %v", maxStandstill, w.running, w.queues)
			return
		}
	}
	w.over = true
}

// breakDown plans what will be out of order for longer: the relay, sometimes for
// longer than the stream keeps its records, and the provider.
func (w *World) breakDown() {
	w.stream.stoppedFrom, w.stream.stoppedUntil = w.window(outage, 10*time.Hour)
	w.downFrom, w.downUntil = w.window(down, 4*time.Hour)
	if w.strikes(downForDays, "operations") {
		w.downFrom = time.Now().Add(time.Duration(w.src.pick("down for days after", 90)) * time.Minute)
		w.downUntil = w.downFrom.Add(8 * 24 * time.Hour)
		w.tell("", "%s from %s to %s", downForDays, w.since(w.downFrom), w.since(w.downUntil))
	}
	w.switchOff()
}

// uneventful tells that nobody does anything these days.
func (w *World) uneventful() bool {
	now := time.Now()
	return now.Before(w.morning) || w.downUntil.Sub(w.downFrom) > 24*time.Hour && now.After(w.downFrom.Add(2*time.Hour)) && now.Before(w.downUntil)
}

// window returns from when to when something is out of order: for an hour and up to
// three units. It is empty for most.
func (w *World) window(f fault, unit time.Duration) (from, until time.Time) {
	from = time.Now()
	until = from
	if w.strikes(f, "operations") {
		from = from.Add(time.Duration(w.src.pick(string(f)+" after", 90)) * time.Minute)
		until = from.Add(time.Hour + time.Duration(w.src.pick(string(f)+" for", 4))*unit)
		w.tell("", "%s from %s to %s", f, w.since(from), w.since(until))
	}
	return from, until
}

// sleepIn keeps the operator away for days, in which holds may lapse.
func (w *World) sleepIn(t *task) {
	w.rebuilds.holdForDays(t)
	if w.strikes(asleep, "operations") || w.result.Faults[down] > 0 && w.src.pick("asleep after an outage", 2) == 1 {
		w.tell("", "nobody looks after the dead letters")
		w.morning = time.Now().Add(time.Duration(1+4*w.src.pick("asleep", 3)) * 24 * time.Hour)
		w.sched.park(t, w.morning)
		w.rebuilds.isAudited()
	}
}

// rescue is what operators do: they bring dead letters back, and have failed
// payments taken up again.
func (w *World) rescue() {
	for _, q := range w.queues {
		q.redrive()
	}
	for _, a := range w.oracle.order {
		if a.state.Payment.Status == booking.PaymentHasFailed {
			s := &staff{World: w, who: ops(), task: w.sched.newTask("operator", nil)}
			w.running++
			w.sched.start(s.task, func(*task) {
				s.insist(s.task, request{
					who: s.who, method: http.MethodPost, path: "/v1/bookings/" + string(a.id) + "/retry-payment",
					key: fmt.Sprintf("retry-%d", a.state.Version), booking: a.id,
				})
				w.running--
			})
		}
	}
}

// idle tells whether nobody has anything to do but people.
func (w *World) idle() bool {
	return w.running == 0 && !slices.ContainsFunc(w.readers, func(s *stream) bool { return !s.empty() }) &&
		!slices.ContainsFunc(w.queues, func(q *sqs) bool { return !q.empty() }) &&
		!slices.ContainsFunc(w.waiting, func(waits func() bool) bool { return waits() })
}

// settled tells whether nothing is left to be done by anybody.
func (w *World) settled() bool { return w.idle() && w.stuck() == "" }

// stuck returns a booking that is not at its end.
func (w *World) stuck() booking.ID {
	for _, a := range w.oracle.order {
		if w.oracle.unsettled(a) != "" {
			return a.id
		}
	}
	return ""
}

// forgotten returns a booking that is over and not settled, while no message about
// it is left anywhere.
func (w *World) forgotten() (booking.ID, string) {
	if !w.idle() {
		return "", ""
	}
	for _, a := range w.oracle.order {
		if why := w.oracle.unsettled(a); a.state.Status.Terminal() && why != "" {
			return a.id, why
		}
	}
	return "", ""
}

// conclude judges the end and fills in the result.
func (w *World) conclude() {
	if w.result.Violation == nil && !w.over {
		w.fail("the world moves on", w.stuck(), "everybody waits for ever")
	}
	if w.result.Violation == nil {
		w.oracle.finished()
		if w.calm {
			w.finishedCalmly()
		}
		if w.forgetful {
			w.finishedForgetfully()
		}
		for _, judge := range w.ends {
			judge()
		}
	}
	for _, a := range w.oracle.order {
		w.result.Bookings++
		w.result.Ends[string(a.state.Status)+", "+string(a.state.Payment.Status)]++
		if a.state.Status == booking.Completed && (a.state.Payment.Status == booking.PaymentIsCaptured || a.state.Payment.Status == booking.PaymentIsRefunded) {
			w.result.Completed++
		}
		w.src.mixText(string(a.id) + string(a.state.Status) + string(a.state.Payment.Status))
	}
	w.result.Simulated = time.Since(w.began)
	w.result.Hash, w.result.Steps, w.result.Trace = w.src.hash, w.src.steps, w.src.trace()
}
