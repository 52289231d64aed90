package sim

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Refund implements payments.Gateway.
func (p provider) Refund(ctx context.Context, o payments.RefundOrder, key string) (payments.RefundObject, error) {
	r, err := p.refund(ctx, o, key)
	if p.canary == refundedAgainWithoutLooking && resilience.ClassOf(err) == resilience.Unknown {
		return p.refund(ctx, o, key+"/again")
	}
	return r, err
}

func (p provider) refund(ctx context.Context, o payments.RefundOrder, key string) (r payments.RefundObject, err error) {
	_, err = p.do(ctx, p.on(gatewaytest.Refund, o.Ref, key, func(ctx context.Context) (_ payments.Payment, err error) {
		r, err = p.fake.Refund(ctx, o, key)
		return payments.Payment{}, err
	}))
	if err != nil {
		r = payments.RefundObject{} // whatever the provider has: it did not say so
	}
	return r, err
}

// Refunds implements payments.Gateway.
func (p provider) Refunds(ctx context.Context, ref string) (all []payments.RefundObject, err error) {
	_, err = p.do(ctx, p.on(gatewaytest.Refunds, ref, "", func(ctx context.Context) (_ payments.Payment, err error) {
		all, err = p.fake.Refunds(ctx, ref)
		return payments.Payment{}, err
	}))
	return p.canaryRefunds(all), err
}

// Disputes implements payments.Gateway.
func (p provider) Disputes(ctx context.Context, ref string) (all []payments.Dispute, err error) {
	_, err = p.do(ctx, p.on(gatewaytest.Disputes, ref, "", func(ctx context.Context) (_ payments.Payment, err error) {
		all, err = p.fake.Disputes(ctx, ref)
		return payments.Payment{}, err
	}))
	return all, err
}
