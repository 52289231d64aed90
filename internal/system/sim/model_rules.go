package sim

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// modelPrices and modelFees are what the tariff of all worlds says.
type modelPrices struct {
	Base      int64 `json:"base"`
	PerKM     int64 `json:"per_km"`
	PerMinute int64 `json:"per_minute"`
	Minimum   int64 `json:"minimum"`
}

type modelFees struct {
	Cancellation int64 `json:"cancellation"`
	NoShow       int64 `json:"no_show"`
}

const modelTariff, modelCurrency = "standard-2026", "EUR"

var (
	pricesOf = map[string]modelPrices{
		"standard": {250, 180, 30, 700}, "xl": {400, 260, 40, 1100}, "premium": {600, 320, 55, 1600},
	}
	feesOf = modelFees{500, 800}
)

// costs is the price of a ride, in whole minor units, half of one rounded up.
func (p modelPrices) costs(meters, seconds int64) int64 {
	sixtyThousandths := p.Base*60_000 + p.PerKM*meters*60 + p.PerMinute*seconds*1000
	whole := sixtyThousandths / 60_000
	if sixtyThousandths%60_000 >= 30_000 {
		whole++
	}
	return max(whole, p.Minimum)
}

// road is the way between two places: a third of the way more than the straight line,
// less a little. The line is the angle between two vectors on a sphere.
func road(a, b modelPlace) int64 {
	vector := func(p modelPlace) [3]float64 {
		lat, lng := p.Lat*math.Pi/180, p.Lng*math.Pi/180
		return [3]float64{math.Cos(lat) * math.Cos(lng), math.Cos(lat) * math.Sin(lng), math.Sin(lat)}
	}
	u, v := vector(a), vector(b)
	cross := math.Hypot(math.Hypot(u[1]*v[2]-u[2]*v[1], u[2]*v[0]-u[0]*v[2]), u[0]*v[1]-u[1]*v[0])
	angle := math.Atan2(cross, u[0]*v[0]+u[1]*v[1]+u[2]*v[2])
	return int64(math.Round(6_371_009*angle)) * 130 / 100
}

// wish is the body of a command.
type wish struct {
	Pickup        modelPlace  `json:"pickup"`
	Dropoff       modelPlace  `json:"dropoff"`
	Product       string      `json:"product"`
	PaymentMethod string      `json:"payment_method"`
	ExpectedFare  *modelMoney `json:"expected_fare"`
	Reason        string      `json:"reason"`
	DriverID      string      `json:"driver_id"`
	DistanceM     int64       `json:"distance_m"`
	DurationS     int64       `json:"duration_s"`
	Fee           *modelMoney `json:"fee"`
	Amount        *modelMoney `json:"amount"`
}

func (r request) wish() (w wish) {
	if r.body != "" {
		_ = json.Unmarshal([]byte(r.body), &w) // what cannot be read wishes nothing
	}
	return w
}

// judged is a fact, and what it is judged by.
type judged struct {
	*oracle
	id     booking.ID
	before model
	commit events.Commit
	facts  []fact
	i      int
}

func (j judged) fact() fact { return j.facts[j.i] }

// next is the kind of the fact that follows in the same commit.
func (j judged) next() string {
	if j.i+1 < len(j.facts) {
		return j.facts[j.i+1].kind
	}
	return ""
}

func (j judged) last() string {
	if j.i > 0 {
		return j.facts[j.i-1].kind
	}
	return ""
}

// isDecidedRight judges a fact by the model before it, and by who asked for it.
func (j judged) isDecidedRight() {
	f, c := j.fact(), j.commit
	j.right(f.At.Equal(c.RecordedAt), "it happened at %s", f.At)
	j.right(!f.At.IsZero() && f.At.Equal(f.At.Truncate(time.Millisecond)), "at %s", f.At)
	switch f.kind {
	case booking.TypeBookingRequested, booking.TypeDriverAssigned, booking.TypeDriverUnassigned, booking.TypeDriverArrived,
		booking.TypeRideStarted, booking.TypeRideCompleted:
		j.isAsked()
	case booking.TypeBookingConfirmed:
		j.right(j.last() == booking.TypePaymentAuthorized && f.AssignBy.Equal(f.At.Add(20*time.Minute)), "assigned by %s", f.AssignBy)
	case booking.TypeBookingCanceled:
		j.isCanceledRight()
	case booking.TypeBookingExpired:
		due := j.before.deadline()
		j.right(c.Actor == "sweeper" && f.Overdue == j.before.status && !due.IsZero() && !f.At.Before(due), "%s expires, due at %s", f.Overdue, due)
	case booking.TypeRefundRequested:
		j.isRefundAsked()
	case booking.TypePaymentRetried:
		j.isRetriedRight()
	default:
		j.right(c.Actor == "payment", "by %s", c.Actor)
		j.isPaidRight()
	}
}

func (j judged) right(ok bool, format string, args ...any) {
	if !ok {
		j.fail("what is decided follows from what was", j.id, "%s at %d by %s at %s: "+format,
			append([]any{j.fact().kind, j.before.version + 1, j.commit.Actor, j.commit.RecordedAt}, args...)...)
	}
}

// by tells whether one of those who sent the command acts in a role, and wished what
// ok wants.
func (j judged) by(role string, ok func(wish) bool) bool {
	return slices.ContainsFunc(j.requests[string(j.id)+"\x00"+j.commit.CommandID], func(r request) bool {
		actor := role
		if role != "rider" {
			actor += "/" + r.who.riderID()
		}
		return j.commit.Actor == actor && ok(r.wish())
	})
}

// riderID names a person by issuer and subject.
func (p person) riderID() string { return riderOf("hailstone/rider/1", p.issuer, p.name) }

// riderOf is an id that stands for some parts.
func riderOf(parts ...string) string {
	var text []byte
	for _, part := range parts {
		text = append(binary.BigEndian.AppendUint64(text, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(text)
	return "rd_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:20]))
}

// isAsked judges what people ask for and nobody else.
func (j judged) isAsked() {
	f, m := j.fact(), j.before
	if f.old {
		j.right(j.owners[j.id].is(noRider), "of %s", f.RiderID)
		return
	}
	role, ok := "dispatch", func(wish) bool { return true }
	switch f.kind {
	case booking.TypeBookingRequested:
		role, ok = "rider", j.isRequestedRight
		j.right(f.RiderID == j.owners[j.id].riderID(), "of %s", f.RiderID)
	case booking.TypeDriverAssigned:
		ok = func(w wish) bool {
			return f.DriverID == strings.ToLower(f.DriverID) && strings.EqualFold(w.DriverID, f.DriverID)
		}
	case booking.TypeDriverUnassigned:
		j.right(f.DriverID == m.driver && f.AssignBy.Equal(f.At.Add(20*time.Minute)), "%s, assigned by %s", f.DriverID, f.AssignBy)
	case booking.TypeRideCompleted:
		price := min(pricesOf[m.product].costs(f.DistanceM, f.DurationS), m.pay.authorized)
		j.right(f.Fare == modelMoney{price, m.currency}, "for %v, want %d", f.Fare, price)
		ok = func(w wish) bool { return w.DistanceM == f.DistanceM && w.DurationS == f.DurationS }
	}
	j.right(j.by(role, ok), "nobody asked for %+v", f)
}

func (j judged) isRequestedRight(w wish) bool {
	f := j.fact()
	if w.Pickup != f.personal.Pickup || w.Dropoff != f.personal.Dropoff || w.PaymentMethod != f.personal.PaymentMethod || w.Product != f.Product {
		return false
	}
	meters := road(w.Pickup, w.Dropoff)
	fare := pricesOf[w.Product].costs(meters, meters*60/450)
	hold := fare + (fare*25+99)/100
	j.right(f.Fare == modelMoney{fare, modelCurrency} && f.Hold == modelMoney{hold, modelCurrency}, "for %v, holding %v; want %d and %d", f.Fare, f.Hold, fare, hold)
	j.right(f.Tariff == modelTariff && f.Prices == pricesOf[w.Product] && f.Fees == feesOf, "prices %+v, fees %+v", f.Prices, f.Fees)
	j.right(f.AuthorizeBy.Equal(f.At.Add(30*time.Minute)), "authorized by %s", f.AuthorizeBy)
	return w.ExpectedFare == nil || *w.ExpectedFare == f.Fare
}

func (j judged) isCanceledRight() {
	f, m := j.fact(), j.before
	reason := func(w wish) bool { return w.Reason == f.personal.Reason }
	switch f.Cause {
	case "canceled":
		var n int64
		if (m.status == booking.HasDriver || m.status == booking.DriverIsThere) && f.At.After(m.assigned.Add(2*time.Minute)) {
			n = feesOf.Cancellation
		}
		j.right(m.status != booking.InProgress && f.Fee == modelMoney{min(n, m.pay.authorized), m.currency}, "a fee of %v", f.Fee)
		j.right(f.By == "rider" && j.by("rider", reason) || f.By == "dispatch" && j.by("dispatch", reason), "by %s", f.By)
	default:
		j.isEndedRight()
	}
}

// isEndedRight judges a cancellation that is no wish of the rider's.
func (j judged) isEndedRight() {
	f, m := j.fact(), j.before
	switch f.Cause {
	case "no_show":
		j.right(m.status == booking.DriverIsThere && !f.At.Before(m.arrived.Add(5*time.Minute)) && f.Fee == modelMoney{min(feesOf.NoShow, m.pay.authorized), m.currency}, "a fee of %v, arrived at %s", f.Fee, m.arrived)
		j.right(f.By == "dispatch" && j.by("dispatch", func(wish) bool { return true }), "by %s", f.By)
	case "aborted":
		j.right(f.By == "ops" && f.Fee.Amount <= m.pay.authorized && j.by("ops", func(w wish) bool {
			return w.Reason == f.personal.Reason && (w.Fee == nil && f.Fee.Amount == 0 || w.Fee != nil && *w.Fee == f.Fee)
		}), "a fee of %v by %s", f.Fee, f.By)
	default:
		after := map[string]string{
			booking.TypePaymentDeclined: "payment_declined", booking.TypePaymentFailed: "payment_failed", booking.TypePaymentAuthorizationLost: "authorization_lost",
		}
		j.right(f.By == "payment" && j.commit.Actor == "payment" && after[j.last()] == f.Cause && f.Fee == modelMoney{0, m.currency}, "%s by %s", f.Cause, f.By)
	}
}

// canceledAlong judges whether the booking ends with a fact that leaves nobody to pay
// for it, and only then.
func (j judged) canceledAlong(over bool) {
	j.right((j.next() == booking.TypeBookingCanceled) == over, "while %s, and then %q", j.before.status, j.next())
}

func (j judged) isRefundAsked() {
	f, m := j.fact(), j.before
	if j.next() == booking.TypePaymentRefunded {
		j.right(j.commit.Actor == "payment" && f.Amount.Amount <= m.pay.captured-m.pay.back(), "%v by hand", f.Amount)
		return
	}
	_, known := m.pay.refund(f.RefundID)
	j.right(!known && f.Amount.Amount > 0 && f.Amount.Amount <= m.pay.left(), "%v of %d", f.Amount, m.pay.left())
	j.right(strings.HasPrefix(f.RefundID, "rf_") && j.by("ops", func(w wish) bool {
		want := modelMoney{m.pay.left(), m.currency}
		if w.Amount != nil {
			want = *w.Amount
		}
		return f.Amount == want && w.Reason == f.personal.Reason
	}), "%v", f.Amount)
}

func (j judged) isRetriedRight() {
	f, m := j.fact(), j.before
	useless := m.pay.lost || m.pay.failed == "authorize"
	j.right(j.by("ops", func(wish) bool { return true }) && f.Operation == m.pay.failed && f.Group == m.pay.group+1, "%s in group %d", f.Operation, f.Group)
	j.right(f.NewObject == (useless && m.owed() >= least), "a new object: %v, with %d owed", f.NewObject, m.owed())
	j.right(!m.pay.lost || m.status.Terminal(), "the hold was lost and the booking is %s", m.status)
}
