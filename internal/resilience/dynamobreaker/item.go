package dynamobreaker

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Attributes of the item. Times are milliseconds since 1970. An attribute that is
// missing is zero, and a missing item a closed breaker at version 0.
const (
	attrID         = "control_id"
	attrMode       = "mode"
	attrModeBy     = "mode_by"
	attrModeWhy    = "mode_why"
	attrModeAt     = "mode_at"
	attrOrders     = "orders" // how many an operator has given
	attrState      = "state"
	attrVersion    = "version" // raised by every change but a report
	attrUntil      = "until"
	attrReopened   = "reopened" // probes that failed in a row
	attrProbeOwner = "probe_owner"
	attrProbeUntil = "probe_until"
	attrHealthy    = "healthy_probes" // in a row, of the whole fleet
)

// Counts are attributes of their own, so that a report is one ADD:
// healthy_<version>_<epoch> and failing_<version>_<epoch>.
const (
	countHealthy = "healthy"
	countFailing = "failing"
)

type item = map[string]types.AttributeValue

func itemID(name string) string { return "breaker/" + name }

func countName(kind string, version, epoch int64) string {
	return kind + "_" + strconv.FormatInt(version, 10) + "_" + strconv.FormatInt(epoch, 10)
}

// parseCount is the inverse of countName.
func parseCount(name string) (kind string, version, epoch int64, ok bool) {
	kind, rest, _ := strings.Cut(name, "_")
	if kind != countHealthy && kind != countFailing {
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

func (r *reader) mode() resilience.Mode {
	m := resilience.Mode(r.text(attrMode))
	if m == "" {
		return resilience.Auto
	}
	if !m.Valid() {
		r.fail(attrMode)
	}
	return m
}

func (r *reader) state() resilience.State {
	s := r.text(attrState)
	for _, state := range []resilience.State{resilience.Closed, resilience.Open, resilience.HalfOpen} {
		if s == state.String() {
			return state
		}
	}
	if s != "" {
		r.fail(attrState)
	}
	return resilience.Closed
}
