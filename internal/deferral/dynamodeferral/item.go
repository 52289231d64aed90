package dynamodeferral

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/awsenv/awserror"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/deferral"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// Attributes and index. They are storage format.
const (
	attrID        = "control_id"
	attrOperation = "operation"
	attrReason    = "reason"
	attrReconcile = "reconcile"
	attrSince     = "since"
	attrAttempts  = "attempts"
	attrRev       = "rev"

	indexDue  = "due-work"
	attrShard = "work_shard"
	attrNext  = "next_attempt_at"
)

// timeFormat sorts like the times themselves.
const timeFormat = "2006-01-02T15:04:05.000Z"

type item = map[string]types.AttributeValue

func itemID(id booking.ID) string { return "work/" + string(id) }

func key(id booking.ID) item { return item{attrID: text(itemID(id))} }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func instant(t time.Time) types.AttributeValue { return text(t.UTC().Format(timeFormat)) }

// aliases lets an expression name attributes as #attribute: some of the names are words
// of DynamoDB's.
func aliases(attributes ...string) map[string]string {
	names := make(map[string]string, len(attributes))
	for _, attribute := range attributes {
		names["#"+attribute] = attribute
	}
	return names
}

func decode(it item) (deferral.Item, error) {
	r := reader{it: it}
	id, ours := strings.CutPrefix(r.text(attrID), "work/")
	d := deferral.Item{
		Booking:   booking.ID(id),
		Operation: payments.Operation(r.text(attrOperation)),
		Reason:    deferral.Reason(r.text(attrReason)),
		Since:     r.time(attrSince), Next: r.time(attrNext),
		Attempts: int(r.number(attrAttempts)), Rev: r.number(attrRev),
	}
	if reconcile, ok := it[attrReconcile].(*types.AttributeValueMemberBOOL); ok {
		d.Reconcile = reconcile.Value
	}
	if r.err == nil && (!ours || !d.Booking.Valid()) {
		r.err = errors.New("it is of no booking")
	}
	if r.err != nil {
		return deferral.Item{}, fmt.Errorf("item %q: %w", id, r.err)
	}
	return d, nil
}

// reader reads attributes and keeps the first error.
type reader struct {
	it  item
	err error
}

func (r *reader) text(name string) string {
	v, ok := r.it[name].(*types.AttributeValueMemberS)
	if !ok {
		r.fail(fmt.Errorf("%s is no string", name))
		return ""
	}
	return v.Value
}

func (r *reader) number(name string) int64 {
	v, ok := r.it[name].(*types.AttributeValueMemberN)
	if !ok {
		r.fail(fmt.Errorf("%s is no number", name))
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	r.fail(err)
	return n
}

func (r *reader) time(name string) time.Time {
	t, err := time.Parse(timeFormat, r.text(name))
	if r.err == nil && err != nil {
		r.fail(fmt.Errorf("%s: %w", name, err))
	}
	return t
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// failure names what became of an operation on an item that was read, nil for nothing. A
// transaction at the item is a change of it.
func failure(what string, id booking.ID, err error) error {
	switch {
	case err == nil:
		return nil
	case awserror.Of(err) == awserror.Conflict:
		return fmt.Errorf("%s %s: %w: %w", what, id, deferral.ErrChanged, err)
	default:
		return fmt.Errorf("%s %s: %w", what, id, awserror.Mark(err, deferral.ErrUnavailable))
	}
}

// refused tells whether the condition of a write did not hold.
func refused(err error) bool {
	var changed *types.ConditionalCheckFailedException
	return errors.As(err, &changed)
}
