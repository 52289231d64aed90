package gatewaytest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Refund implements payments.Gateway.
func (f *Fake) Refund(ctx context.Context, o payments.RefundOrder, key string) (payments.RefundObject, error) {
	if o.Amount <= 0 || o.RefundID == "" {
		return payments.RefundObject{}, failed(resilience.Permanent, "invalid_refund")
	}
	r := request{Call: Call{Op: Refund, Ref: o.Ref, Key: key}, stands: fmt.Sprintf("%+v", o)}
	r.act = f.find(o.Ref, func(p *object, fault Fault, _ time.Time) reply {
		made, err := f.refund(p, o.RefundID, o.Amount)
		if err != nil {
			return reply{err: err}
		}
		if fault.pending {
			made.Status = payments.RefundPending
		}
		return reply{refund: *made}
	})
	a, err := f.do(ctx, r)
	return a.refund, err
}

func (f *Fake) refund(p *object, refundID string, amount int64) (*payments.RefundObject, *payments.Error) {
	switch left := p.Captured - p.Refunded; {
	case p.Status != payments.StatusCaptured:
		return nil, failed(resilience.Unknown, payments.CodeUnexpectedState)
	case left == 0:
		return nil, failed(resilience.Permanent, "charge_already_refunded")
	case amount > left:
		return nil, failed(resilience.Permanent, "invalid_request_error")
	}
	f.ids++
	r := &payments.RefundObject{
		ID: "re_fake" + strconv.Itoa(f.ids), RefundID: refundID,
		Amount: amount, Currency: p.Currency, Status: payments.RefundSucceeded,
	}
	p.refunds = append(p.refunds, r)
	p.Refunded += amount
	return r, nil
}

// Refunds implements payments.Gateway.
func (f *Fake) Refunds(ctx context.Context, ref string) ([]payments.RefundObject, error) {
	r := request{Call: Call{Op: Refunds, Ref: ref}}
	r.act = f.find(ref, func(p *object, _ Fault, _ time.Time) reply { return reply{refunds: values(p.refunds)} })
	a, err := f.do(ctx, r)
	return a.refunds, err
}

// Disputes implements payments.Gateway.
func (f *Fake) Disputes(ctx context.Context, ref string) ([]payments.Dispute, error) {
	r := request{Call: Call{Op: Disputes, Ref: ref}}
	r.act = f.find(ref, func(p *object, _ Fault, _ time.Time) reply { return reply{disputes: values(p.disputes)} })
	a, err := f.do(ctx, r)
	return a.disputes, err
}

func values[T any](pointers []*T) []T {
	out := make([]T, 0, len(pointers))
	for _, p := range pointers {
		out = append(out, *p)
	}
	return out
}

// StoreFailure makes the next call of a method end in Stored500.
func (f *Fake) StoreFailure(op Op) { f.Script(op, Stored500()) }

// DelayRefund makes the next refund Pending.
func (f *Fake) DelayRefund() { f.Script(Refund, Pending()) }

// RefundByHand gives money back as somebody does at the provider's own pages.
func (f *Fake) RefundByHand(ref string, amount int64) (payments.RefundObject, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.objects[ref]
	if !ok {
		return payments.RefundObject{}, failed(resilience.Permanent, "resource_missing")
	}
	made, err := f.refund(p, "", amount)
	if err != nil {
		return payments.RefundObject{}, err
	}
	return *made, nil
}

// FinishRefund decides about a refund: it succeeds, or it fails, also when it had
// succeeded, if a code says why. It reports whether that changed anything.
func (f *Fake) FinishRefund(id, failure string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.order {
		i := slices.IndexFunc(p.refunds, func(r *payments.RefundObject) bool { return r.ID == id })
		if i >= 0 {
			return p.finish(p.refunds[i], failure)
		}
	}
	return false
}

func (p *object) finish(r *payments.RefundObject, failure string) bool {
	before := *r
	switch {
	case r.Status == payments.RefundFailed:
	case failure != "":
		r.Status, r.FailureCode = payments.RefundFailed, failure
		p.Refunded -= r.Amount
	default:
		r.Status = payments.RefundSucceeded
	}
	return *r != before
}

// Dispute begins a dispute about the whole captured amount, or brings news of it. It
// returns the dispute's id; empty for a payment that was not captured.
func (f *Fake) Dispute(ref, status string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.objects[ref]
	if !ok || p.Status != payments.StatusCaptured {
		return ""
	}
	if len(p.disputes) == 0 {
		f.ids++
		p.Disputed = true
		p.disputes = append(p.disputes, &payments.Dispute{ID: "du_fake" + strconv.Itoa(f.ids), Amount: p.Captured, Currency: p.Currency})
	}
	p.disputes[0].Status = status
	return p.disputes[0].ID
}
