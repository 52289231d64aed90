package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// drivers are fewer than rides.
const drivers = 4

// staff is a dispatcher, or somebody of ops.
type staff struct {
	*World
	*task
	who  person
	keys int
}

func (s *staff) command(id booking.ID, name, body string) (answer, bool) {
	s.keys++
	return s.insist(s.task, request{
		who: s.who, method: http.MethodPost, path: "/v1/bookings/" + string(id) + "/" + name,
		body: body, key: s.who.name + "-" + strconv.Itoa(s.keys), booking: id,
	})
}

// dispatch sends drivers to whoever waits, for as long as the world lasts.
func (s *staff) dispatch() {
	for rest := time.Minute; ; {
		s.sleepTheNight()
		s.pause(s.task, 30*time.Second, 30*time.Second+rest)
		if id, ok := s.next(); ok {
			s.drive(id)
			rest = time.Minute
		} else {
			rest = min(2*rest, 15*time.Minute)
		}
	}
}

// sleepTheNight lets days pass in which nobody rides.
func (s *staff) sleepTheNight() {
	if time.Now().Before(s.morning) {
		s.sched.park(s.task, s.morning)
	}
}

// page is as much of a list as a dispatcher looks at.
type page struct {
	Items []struct {
		ID      booking.ID `json:"id"`
		Version int64      `json:"version"`
	} `json:"items"`
	NextCursor *string `json:"next_cursor"`
}

func (p page) has(id booking.ID) bool {
	for _, item := range p.Items {
		if item.ID == id {
			return true
		}
	}
	return false
}

// pages reads a list to its end, as its cursors lead.
func (w *World) pages(t *task, q request) []page {
	var all []page
	base := q.query
	for {
		a, ok := w.read(t, q)
		var p page
		if !ok || !a.ok() || json.Unmarshal(a.body, &p) != nil {
			return all
		}
		all = append(all, p)
		if p.NextCursor == nil {
			return all
		}
		if n := len(p.Items); n > 0 {
			q.page = p.Items[n-1].Version
		}
		q.query = base + "&cursor=" + url.QueryEscape(*p.NextCursor)
	}
}

// next chooses one of the bookings that wait for a driver.
func (s *staff) next() (booking.ID, bool) {
	var waiting []booking.ID
	listed := s.oracle.waitingNow()
	pages := s.pages(s.task, request{who: s.who, method: http.MethodGet, path: "/v1/dispatch/bookings", query: "limit=4"})
	s.oracle.leavesNobodyOut(s.oracle.stillWaiting(listed), pages)
	for _, p := range pages {
		for _, item := range p.Items {
			waiting = append(waiting, item.ID)
		}
	}
	if len(waiting) == 0 {
		return "", false
	}
	return waiting[s.src.pick("next ride of "+s.name, len(waiting))], true
}

// drive leads a ride to its end, or as far as it goes.
func (s *staff) drive(id booking.ID) {
	if !s.step(id, "assign", fmt.Sprintf(`{"driver_id":%q}`, s.driver())) {
		return
	}
	if s.src.chance("taken off of "+s.name, 0.1) {
		if s.step(id, "unassign", "") {
			s.reach(driverWasTakenOff)
		}
		return // it waits again
	}
	if !s.step(id, "arrive", "") {
		return
	}
	if s.src.chance("slip of "+s.name, 0.3) {
		s.slips(s.task, s.who, id)
	}
	if s.src.chance("no-show of "+s.name, 0.1) && s.step(id, "no-show", "") {
		return
	}
	if s.step(id, "start", "") {
		s.step(id, "complete", fmt.Sprintf(`{"distance_m":%d,"duration_s":%d}`,
			1000*s.src.pick("kilometers of "+s.name, 30), 60*s.src.pick("minutes of "+s.name, 60)))
	}
}

// driver chooses a driver. The systems of some dispatchers print ids in capitals.
func (s *staff) driver() string {
	id := fmt.Sprintf("7d0f3a52-5a2f-4a3c-9b52-2f6b2c1f0e%02x", 1+s.src.pick("driver of "+s.name, drivers))
	if s.who.is(dispatcher(1)) {
		return strings.ToUpper(id)
	}
	return id
}

// step gives one command; false is the end of the way.
func (s *staff) step(id booking.ID, name, body string) bool {
	s.pause(s.task, 20*time.Second, 6*time.Minute)
	a, known := s.command(id, name, body)
	return known && a.ok()
}

// supervise is what ops do: look into bookings, and abort a few.
func (s *staff) supervise() {
	for {
		s.sleepTheNight()
		s.pause(s.task, 5*time.Minute, 40*time.Minute)
		s.read(s.task, request{who: s.who, method: http.MethodGet, path: healthPath})
		if len(s.accepted) == 0 {
			continue
		}
		id := s.accepted[s.src.pick("case of "+s.name, len(s.accepted))]
		s.pages(s.task, request{
			who: s.who, method: http.MethodGet, path: "/v1/bookings/" + string(id) + "/events", query: "limit=3", booking: id,
		})
		if s.src.chance("refund of "+s.name, 0.6) {
			s.refund()
		}
		if s.src.chance("slip of "+s.name, 0.5) {
			s.slips(s.task, s.who, id)
		}
		switch s.src.pick("abort of "+s.name, 24) {
		case 1:
			s.command(id, "abort", `{"reason":"not today"}`)
		case 2:
			fee := s.src.pick("fee of "+s.name, 40) * 10
			s.command(id, "abort", fmt.Sprintf(`{"reason":"not today","fee":{"amount":%d,"currency":"EUR"}}`, fee))
		case 3:
			s.command(id, "retry-payment", "")
		}
	}
}

// refund asks for some of it back, or for all, where there may be something.
func (s *staff) refund() {
	var paid []booking.ID
	for _, id := range s.accepted {
		if a := s.oracle.streams[id.Stream()]; a != nil && a.state.Payment.Captured > 0 {
			paid = append(paid, id)
		}
	}
	if len(paid) == 0 {
		return
	}
	id, body := paid[s.src.pick("refunded by "+s.name, len(paid))], `{"reason":"it rained in"}`
	if amount := s.src.pick("amount refunded by "+s.name, 30); amount > 0 {
		body = fmt.Sprintf(`{"reason":"it rained in","amount":{"amount":%d,"currency":"EUR"}}`, amount*25)
	}
	s.command(id, "refund", body)
}

func dispatcher(i int) person {
	return person{issuer: issuer, name: "dora-" + strconv.Itoa(i), roles: []string{httpapi.RoleDispatch}}
}

func ops() person { return person{issuer: issuer, name: "otto", roles: []string{httpapi.RoleOps}} }
