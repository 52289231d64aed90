package dynamobreaker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Order is an operator's word: who wants which mode, since when, and why.
type Order struct {
	Mode resilience.Mode
	By   string
	Why  string
	At   time.Time
}

// ErrChanged says that the breaker changed while an order was given. Look, and
// give it again if it still makes sense.
var ErrChanged = errors.New("breaker changed meanwhile")

// Desk is where an operator sees a breaker and gives orders. It reads strongly
// consistently, and is not for the path of a call.
type Desk struct {
	db  *dynamodb.Client
	cfg Config
}

// NewDesk returns the desk of the breaker that cfg names.
func NewDesk(db *dynamodb.Client, cfg Config) *Desk { return &Desk{db: db, cfg: cfg} }

// Status returns the breaker as it is stored.
func (d *Desk) Status(ctx context.Context) (Status, error) {
	s, err := d.read(ctx)
	if err != nil {
		return Status{}, err
	}
	return Status{Mode: s.mode, State: s.state, Until: s.until, Order: s.order}, nil
}

func (d *Desk) read(ctx context.Context) (*snapshot, error) {
	out, err := d.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &d.cfg.Table, Key: item{attrID: text(itemID(d.cfg.Name))}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, fmt.Errorf("read breaker %s: %w", d.cfg.Name, err)
	}
	s, err := d.cfg.decode(out.Item, d.cfg.Rules.Now())
	if err != nil {
		return nil, fmt.Errorf("read breaker %s: %w", d.cfg.Name, err)
	}
	return s, nil
}

// Give carries out an order and records it, both or neither. Auto begins closed,
// with nothing counted. Orders are kept for good, each in an item of its own.
func (d *Desk) Give(ctx context.Context, mode resilience.Mode, by, why string) (Order, error) {
	if !mode.Valid() || by == "" || why == "" {
		return Order{}, fmt.Errorf("order to breaker %s: a mode, a name and a reason are needed", d.cfg.Name)
	}
	s, err := d.read(ctx)
	if err != nil {
		return Order{}, err
	}
	order := Order{Mode: mode, By: by, Why: why, At: d.cfg.Rules.Now().UTC().Truncate(time.Millisecond)}
	_, err = d.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{{Update: d.update(s, order)}, {Put: d.record(s, order)}},
	})
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return Order{}, fmt.Errorf("order to breaker %s: %w: %w", d.cfg.Name, ErrChanged, err)
	}
	if err != nil {
		return Order{}, fmt.Errorf("order to breaker %s: %w", d.cfg.Name, err)
	}
	return order, nil
}

func (d *Desk) update(s *snapshot, o Order) *types.Update {
	b := &Breaker{cfg: d.cfg}
	c := b.to(s, resilience.Closed)
	c.set[attrMode], c.set[attrModeAt] = text(string(o.Mode)), millis(o.At)
	c.set[attrModeBy], c.set[attrModeWhy] = text(o.By), text(o.Why)
	c.set[attrOrders] = number(s.orders + 1)
	c.remove = append(c.remove, attrHealthy, attrUntil, attrReopened)
	in := b.input(s.version, c)
	return &types.Update{
		TableName: in.TableName, Key: in.Key,
		UpdateExpression: in.UpdateExpression, ConditionExpression: in.ConditionExpression,
		ExpressionAttributeNames: in.ExpressionAttributeNames, ExpressionAttributeValues: in.ExpressionAttributeValues,
	}
}

func (d *Desk) record(s *snapshot, o Order) *types.Put {
	return &types.Put{
		TableName: &d.cfg.Table,
		Item: item{
			attrID: text(orderID(d.cfg.Name, s.orders+1)), attrMode: text(string(o.Mode)), attrModeAt: millis(o.At),
			attrModeBy: text(o.By), attrModeWhy: text(o.Why),
			"from_mode": text(string(s.mode)), "from_state": text(s.state.String()),
		},
		ConditionExpression: aws.String("attribute_not_exists(" + attrID + ")"),
	}
}

func orderID(name string, n int64) string {
	return itemID(name) + "/order/" + strconv.FormatInt(n, 10)
}

// Orders returns the last orders, at most so many, newest first.
func (d *Desk) Orders(ctx context.Context, most int) ([]Order, error) {
	s, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	var orders []Order
	for n := s.orders; n > 0 && len(orders) < most; n-- {
		out, err := d.db.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: &d.cfg.Table, Key: item{attrID: text(orderID(d.cfg.Name, n))}, ConsistentRead: aws.Bool(true),
		})
		if err != nil {
			return nil, fmt.Errorf("order %d to breaker %s: %w", n, d.cfg.Name, err)
		}
		r := &reader{it: out.Item}
		o := Order{Mode: r.mode(), By: r.text(attrModeBy), Why: r.text(attrModeWhy), At: r.time(attrModeAt)}
		if r.err != nil {
			return nil, fmt.Errorf("order %d to breaker %s: %w", n, d.cfg.Name, r.err)
		}
		orders = append(orders, o)
	}
	return orders, nil
}
