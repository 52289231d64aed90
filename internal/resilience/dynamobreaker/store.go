package dynamobreaker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// refresh reads the item and returns the newest snapshot. While somebody else
// reads it, the one at hand has to do.
func (b *Breaker) refresh(ctx context.Context, now time.Time) *snapshot {
	if !b.reading.TryLock() {
		return b.seen.Load()
	}
	defer b.reading.Unlock()
	before := b.seen.Load()
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	out, err := b.store.GetItem(ctx, &dynamodb.GetItemInput{TableName: &b.cfg.Table, Key: b.key()}, once)
	if err != nil {
		b.adopt(before, before.without(now))
	} else {
		b.learn(before, out.Item, now)
	}
	return b.seen.Load()
}

// bounded is the context of one operation. A caller whose own time is over still
// tells what it saw, and must not make the store look as if it were down.
func (b *Breaker) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), b.cfg.StoreTimeout)
}

// once keeps the SDK from repeating what is not worth a second wait, or would
// count twice.
func once(o *dynamodb.Options) { o.RetryMaxAttempts = 1 }

func (b *Breaker) key() item { return item{attrID: text(itemID(b.cfg.Name))} }

// without is what is known when the store does not answer.
func (s *snapshot) without(now time.Time) *snapshot {
	next := *s
	next.checked, next.down = now, true
	return &next
}

// learn takes over what an item says. One that cannot be read is as good as none.
func (b *Breaker) learn(before *snapshot, it item, now time.Time) {
	next, err := b.cfg.decode(it, now)
	if err != nil {
		next = before.without(now)
	}
	b.adopt(before, next)
}

// adopt replaces the snapshot that an operation began with. If another operation
// was faster, its snapshot stays: the next read settles who was right.
func (b *Breaker) adopt(before, next *snapshot) { b.seen.CompareAndSwap(before, next) }

// change is one conditional UpdateItem.
type change struct {
	set, add item
	remove   []string
	// condition besides that on the version.
	condition string
	values    item
}

// write makes a change to the version of a snapshot, learns from the answer, and
// reports whether the change was made. What it returns is the item afterwards, or
// the one that was in the way; nil if the store did not answer.
func (b *Breaker) write(ctx context.Context, s *snapshot, c change) (after *snapshot, done bool) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	out, err := b.store.UpdateItem(ctx, b.input(s.version, c), once)
	now := b.cfg.Rules.Now()
	var refused *types.ConditionalCheckFailedException
	var it item
	switch {
	case err == nil:
		it, done = out.Attributes, true
	case errors.As(err, &refused):
		it = refused.Item
	default:
		b.adopt(s, s.without(now))
		return nil, false
	}
	after, err = b.cfg.decode(it, now)
	if err != nil {
		b.adopt(s, s.without(now))
		return nil, done
	}
	b.seen.Store(after) // strongly consistent, unlike a read
	return after, done
}

func (b *Breaker) input(version int64, c change) *dynamodb.UpdateItemInput {
	e := expression{names: map[string]string{}, values: maps.Clone(c.values)}
	if e.values == nil {
		e.values = item{}
	}
	condition := "attribute_not_exists(" + e.name(attrVersion) + ")"
	if version > 0 {
		condition = e.name(attrVersion) + " = " + e.value(number(version))
	}
	if c.condition != "" {
		condition += " AND " + c.condition
	}
	return &dynamodb.UpdateItemInput{
		TableName: &b.cfg.Table, Key: b.key(),
		UpdateExpression:                    aws.String(e.update(c)),
		ConditionExpression:                 &condition,
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// expression collects names and values under placeholders, since several of the
// names are reserved words.
type expression struct {
	names  map[string]string
	values item
}

func (e expression) name(attribute string) string {
	p := "#" + attribute
	e.names[p] = attribute
	return p
}

func (e expression) value(v types.AttributeValue) string {
	p := ":v" + strconv.Itoa(len(e.values))
	e.values[p] = v
	return p
}

func (e expression) update(c change) string {
	var clauses []string
	pairs := func(verb, sign string, of item) {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(of)) {
			parts = append(parts, e.name(name)+sign+e.value(of[name]))
		}
		if parts != nil {
			clauses = append(clauses, verb+" "+strings.Join(parts, ", "))
		}
	}
	pairs("SET", " = ", c.set)
	pairs("ADD", " ", c.add)
	var removed []string
	for _, name := range c.remove {
		removed = append(removed, e.name(name))
	}
	if removed != nil {
		clauses = append(clauses, "REMOVE "+strings.Join(removed, ", "))
	}
	return strings.Join(clauses, " ")
}
