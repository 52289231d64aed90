package dynamobreaker

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
)

// update is one conditional UpdateItem, built up clause by clause. Names and values
// stand under placeholders, since several of the names are reserved words.
type update struct {
	names               map[string]string
	values              item
	sets, adds, removes []string
	conditions          []string
}

// newUpdate returns an update of the item at a version; 0 is that of no item, and of
// one that holds nothing but counts.
func newUpdate(version int64) *update {
	u := &update{names: map[string]string{}, values: item{}}
	if version > 0 {
		u.only(u.name(attrVersion) + " = " + u.value(number(version)))
	} else {
		u.only("attribute_not_exists(" + u.name(attrVersion) + ")")
	}
	return u
}

func (u *update) name(attribute string) string {
	p := "#" + attribute
	u.names[p] = attribute
	return p
}

func (u *update) value(v types.AttributeValue) string {
	p := ":v" + strconv.Itoa(len(u.values))
	u.values[p] = v
	return p
}

func (u *update) only(condition string) { u.conditions = append(u.conditions, condition) }

func (u *update) set(attribute string, v types.AttributeValue) {
	u.sets = append(u.sets, u.name(attribute)+" = "+u.value(v))
}

func (u *update) remove(attribute string) { u.removes = append(u.removes, u.name(attribute)) }

func (u *update) add(attribute string, n int64) {
	if n != 0 {
		u.adds = append(u.adds, u.name(attribute)+" "+u.value(number(n)))
	}
}

// number, text and time set an attribute that is missing when it is zero.
func (u *update) number(attribute string, n int64) {
	if n == 0 {
		u.remove(attribute)
		return
	}
	u.set(attribute, number(n))
}

func (u *update) text(attribute, s string) {
	if s == "" {
		u.remove(attribute)
		return
	}
	u.set(attribute, text(s))
}

func (u *update) time(attribute string, t time.Time) {
	if t.IsZero() {
		u.remove(attribute)
		return
	}
	u.set(attribute, millis(t))
}

func (u *update) stage(s fleet.Stage) {
	u.set(attrVersion, number(s.Version))
	u.set(attrState, text(s.State.String()))
	u.time(attrUntil, s.Until)
	u.number(attrReopened, s.Reopened)
	u.number(attrHealthy, s.Healthy)
	u.text(attrProbeOwner, s.Lease.Owner)
	u.time(attrProbeUntil, s.Lease.Until)
}

func (u *update) order(o fleet.Order) {
	u.set(attrOrders, number(o.Number))
	for name, v := range orderAttributes(o) {
		u.set(name, v)
	}
}

func (u *update) drop(counts []fleet.Count) {
	for _, c := range counts {
		u.remove(countName(countHealthy, c.Version, c.Epoch))
		u.remove(countName(countFailing, c.Version, c.Epoch))
		u.remove(countName(countUnaware, c.Version, c.Epoch))
	}
}

func (u *update) condition() string { return strings.Join(u.conditions, " AND ") }

func (u *update) expression() string {
	var clauses []string
	for _, c := range []struct {
		verb  string
		parts []string
	}{{"SET", u.sets}, {"ADD", u.adds}, {"REMOVE", u.removes}} {
		if c.parts != nil {
			clauses = append(clauses, c.verb+" "+strings.Join(c.parts, ", "))
		}
	}
	return strings.Join(clauses, " ")
}
