package sim

import (
	"context"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// Refund implements payments.Gateway.
func (p provider) Refund(ctx context.Context, o payments.RefundOrder, key string) (r payments.RefundObject, err error) {
	_, err = p.do(ctx, p.on(gatewaytest.Refund, o.Ref, key, func(ctx context.Context) (_ payments.Payment, err error) {
		r, err = p.fake.Refund(ctx, o, key)
		return payments.Payment{}, err
	}))
	return r, err
}

// Refunds implements payments.Gateway.
func (p provider) Refunds(ctx context.Context, ref string) (all []payments.RefundObject, err error) {
	_, err = p.do(ctx, p.on(gatewaytest.Refunds, ref, "", func(ctx context.Context) (_ payments.Payment, err error) {
		all, err = p.fake.Refunds(ctx, ref)
		return payments.Payment{}, err
	}))
	return all, err
}

// Disputes implements payments.Gateway.
func (p provider) Disputes(ctx context.Context, ref string) (all []payments.Dispute, err error) {
	_, err = p.do(ctx, p.on(gatewaytest.Disputes, ref, "", func(ctx context.Context) (_ payments.Payment, err error) {
		all, err = p.fake.Disputes(ctx, ref)
		return payments.Payment{}, err
	}))
	return all, err
}
