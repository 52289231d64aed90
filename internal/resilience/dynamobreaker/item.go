package dynamobreaker

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// Attributes of the item. Times are milliseconds since 1970. An attribute that is
// missing is zero, and a missing item a breaker that nothing has happened to.
const (
	attrID         = "control_id"
	attrOrders     = "orders"
	attrState      = "state"
	attrVersion    = "version"
	attrUntil      = "until"
	attrReopened   = "reopened"
	attrProbeOwner = "probe_owner"
	attrProbeUntil = "probe_until"
	attrHealthy    = "healthy_probes"
)

// Attributes of an order, in the item of the breaker and in its own.
const (
	attrMode      = "mode"
	attrModeBy    = "mode_by"
	attrModeWhy   = "mode_why"
	attrModeAt    = "mode_at"
	attrFoundMode = "found_mode"
	attrFound     = "found_state"
)

// Counts are attributes of their own, so that a report is one ADD:
// healthy_<version>_<epoch>, failing_<version>_<epoch> and unaware_<version>_<epoch>.
const (
	countHealthy = "healthy"
	countFailing = "failing"
	countUnaware = "unaware"
)

type item = map[string]types.AttributeValue

func decode(it item) (fleet.Record, error) {
	r := &reader{it: it}
	out := fleet.Record{
		Stage: fleet.Stage{
			Version: r.number(attrVersion), State: r.state(attrState), Until: r.time(attrUntil),
			Reopened: r.number(attrReopened), Healthy: r.number(attrHealthy),
			Lease: fleet.Lease{Owner: r.text(attrProbeOwner), Until: r.time(attrProbeUntil)},
		},
		Mode: r.mode(attrMode), Orders: r.number(attrOrders),
	}
	if out.Orders > 0 {
		out.Order = r.order(out.Orders)
	}
	place := make(map[[2]int64]int)
	for name := range it {
		kind, version, epoch, ok := parseCount(name)
		if !ok {
			continue
		}
		i, known := place[[2]int64{version, epoch}]
		if !known {
			i = len(out.Counts)
			place[[2]int64{version, epoch}] = i
			out.Counts = append(out.Counts, fleet.Count{Version: version, Epoch: epoch})
		}
		switch kind {
		case countFailing:
			out.Counts[i].Failing = r.number(name)
		case countUnaware:
			out.Counts[i].Unaware = r.number(name)
		default:
			out.Counts[i].Healthy = r.number(name)
		}
	}
	return out, r.err
}

func orderAttributes(o fleet.Order) item {
	return item{
		attrMode: text(string(o.Mode)), attrModeBy: text(o.By), attrModeWhy: text(o.Why), attrModeAt: millis(o.At),
		attrFoundMode: text(string(o.FoundMode)), attrFound: text(o.Found.String()),
	}
}

func orderItem(id string, o fleet.Order) item {
	it := orderAttributes(o)
	it[attrID], it[attrOrders] = text(id), number(o.Number)
	return it
}

func decodeOrder(it item) (fleet.Order, error) {
	r := &reader{it: it}
	o := r.order(r.number(attrOrders))
	return o, r.err
}

func (r *reader) order(number int64) fleet.Order {
	return fleet.Order{
		Number: number, Mode: r.mode(attrMode), By: r.text(attrModeBy), Why: r.text(attrModeWhy), At: r.time(attrModeAt),
		FoundMode: r.mode(attrFoundMode), Found: r.state(attrFound),
	}
}

func countName(kind string, version, epoch int64) string {
	return kind + "_" + strconv.FormatInt(version, 10) + "_" + strconv.FormatInt(epoch, 10)
}

// parseCount is the inverse of countName.
func parseCount(name string) (kind string, version, epoch int64, ok bool) {
	kind, rest, _ := strings.Cut(name, "_")
	if kind != countHealthy && kind != countFailing && kind != countUnaware {
		return "", 0, 0, false
	}
	v, e, ok := strings.Cut(rest, "_")
	if !ok {
		return "", 0, 0, false
	}
	version, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return "", 0, 0, false
	}
	epoch, err = strconv.ParseInt(e, 10, 64)
	return kind, version, epoch, err == nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func millis(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

// reader takes attributes out of an item and remembers the first that did not fit.
type reader struct {
	it  item
	err error
}

func (r *reader) text(name string) string {
	switch v := r.it[name].(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.fail(name)
	}
	return ""
}

func (r *reader) number(name string) int64 {
	switch v := r.it[name].(type) {
	case nil:
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err == nil {
			return n
		}
		r.fail(name)
	default:
		r.fail(name)
	}
	return 0
}

func (r *reader) time(name string) time.Time {
	if ms := r.number(name); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}

func (r *reader) fail(name string) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %s does not fit", name)
	}
}

func (r *reader) mode(name string) resilience.Mode {
	m := resilience.Mode(r.text(name))
	if m != "" && !m.Valid() {
		r.fail(name)
	}
	return m
}

func (r *reader) state(name string) resilience.State {
	s := r.text(name)
	for _, state := range []resilience.State{resilience.Closed, resilience.Open, resilience.HalfOpen} {
		if s == state.String() {
			return state
		}
	}
	if s != "" {
		r.fail(name)
	}
	return resilience.Closed
}
