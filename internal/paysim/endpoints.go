package paysim

import (
	"net/http"
	"slices"
	"strings"
)

func (s *Server) parseCreate(_ string, f *form) (plan, *apiError) {
	p := &intent{
		currency:    strings.ToLower(f.text("currency")),
		manual:      f.oneOf("capture_method", "automatic", "automatic_async", "manual") == "manual",
		description: f.text("description"),
		metadata:    f.dict("metadata"),
		method:      methodParam(f),
		status:      requiresConfirmation,
	}
	var amountGiven bool
	p.amount, amountGiven = f.amount("amount")
	confirm := f.flag("confirm")
	errorOnAction := f.flag("error_on_requires_action")
	if types := f.list("payment_method_types"); slices.ContainsFunc(types, func(t string) bool { return t != "card" }) {
		f.fail(invalid("", "payment_method_types", "The only payment method type here is card."))
	}
	expand := expandParam(f)
	if err := f.done(); err != nil {
		return plan{}, err
	}
	if err := checkOrder(p, amountGiven, confirm, errorOnAction); err != nil {
		return plan{}, err
	}
	if p.method == "" {
		p.status = requiresPaymentMethod
	}
	return plan{run: func(w *world, _ *intent, x execution) (any, *intent, *apiError) {
		p.id, p.created = w.newID("pi_"), x.now
		p.secret = w.newID(p.id + "_secret_")
		w.intents[p.id] = p
		w.order = append(w.order, p)
		if confirm {
			a := attempt{chargeID: w.newID("ch_"), now: x.now, holdFor: w.holdFor, errorOnAction: errorOnAction}
			if err := p.confirm(a); err != nil {
				return nil, p, err
			}
		}
		return p.json(expand), p, nil
	}}, nil
}

// checkOrder is what Stripe asks of the parameters of a create together.
func checkOrder(p *intent, amountGiven, confirm, errorOnAction bool) *apiError {
	if !amountGiven {
		return missingParam("amount")
	}
	if p.currency == "" {
		return missingParam("currency")
	}
	minimum, known := minimumOf(p.currency)
	if !known {
		return invalid("", "currency", "Invalid currency: %s.", p.currency)
	}
	if p.amount < minimum {
		return invalid("amount_too_small", "amount", "The amount must be at least %d (%s).", minimum, p.currency)
	}
	if confirm && p.method == "" {
		return missingParam("payment_method")
	}
	if errorOnAction && !confirm {
		return invalid("", "error_on_requires_action", "error_on_requires_action needs confirm=true.")
	}
	return nil
}

func (s *Server) parseRetrieve(id string, f *form) (plan, *apiError) {
	expand := expandParam(f)
	return plan{ref: id, run: func(_ *world, p *intent, _ execution) (any, *intent, *apiError) {
		return p.json(expand), nil, nil
	}}, f.done()
}

func (s *Server) parseConfirm(id string, f *form) (plan, *apiError) {
	method := methodParam(f)
	errorOnAction := f.flag("error_on_requires_action")
	expand := expandParam(f)
	return plan{
		ref:   id,
		check: func(p *intent) *apiError { return p.checkConfirm(method) },
		start: (*intent).startProcessing,
		run: func(w *world, p *intent, x execution) (any, *intent, *apiError) {
			err := p.confirm(attempt{
				chargeID: w.newID("ch_"), method: method, now: x.now, holdFor: w.holdFor,
				errorOnAction: errorOnAction, forceDecline: x.decline,
			})
			return p.json(expand), nil, err
		},
	}, f.done()
}

func (s *Server) parseCapture(id string, f *form) (plan, *apiError) {
	amount, given := f.amount("amount_to_capture")
	expand := expandParam(f)
	return plan{
		ref:   id,
		check: func(p *intent) *apiError { return p.checkCapture(amount) },
		run: func(w *world, p *intent, x execution) (any, *intent, *apiError) {
			if !given {
				amount = p.amount
			}
			p.capture(amount, w.newID("re_"), x.now)
			return p.json(expand), nil, nil
		},
	}, f.done()
}

func (s *Server) parseCancel(id string, f *form) (plan, *apiError) {
	reason := f.text("cancellation_reason")
	if reason != "" {
		f.oneOf("cancellation_reason", "abandoned", "duplicate", "fraudulent", "requested_by_customer")
	}
	expand := expandParam(f)
	return plan{
		ref:   id,
		check: (*intent).checkCancel,
		run: func(w *world, p *intent, x execution) (any, *intent, *apiError) {
			p.cancel(reason, w.newID("re_"), x.now)
			return p.json(expand), nil, nil
		},
	}, f.done()
}

func (s *Server) parseRefund(_ string, f *form) (plan, *apiError) {
	ref := f.text("payment_intent")
	amount, _ := f.amount("amount")
	r := &refund{amount: amount, reason: f.text("reason"), metadata: f.dict("metadata")}
	if r.reason != "" {
		f.oneOf("reason", "duplicate", "fraudulent", "requested_by_customer")
	}
	if err := f.done(); err != nil {
		return plan{}, err
	}
	if ref == "" {
		return plan{}, missingParam("payment_intent")
	}
	return plan{
		ref:   ref,
		check: func(p *intent) *apiError { return p.checkRefund(amount) },
		run: func(w *world, p *intent, x execution) (any, *intent, *apiError) {
			r.id, r.created, r.status = w.newID("re_"), x.now, refundSucceeded
			if x.pending {
				r.status = refundPending
			}
			p.refund(r)
			return r.json(p, false), nil, nil
		},
	}, nil
}

// methodParam is a payment method that the simulator knows, or none.
func methodParam(f *form) string {
	method := f.text("payment_method")
	if _, known := cardOf(method); method != "" && !known {
		f.fail(noSuch(http.StatusBadRequest, "PaymentMethod", method, "payment_method"))
	}
	return method
}

// expandParam tells whether the latest charge is wanted in full.
func expandParam(f *form) bool { return expands(f, "latest_charge") }

// expands tells whether the one property that can be had in full is wanted so.
func expands(f *form, only string) bool {
	var wanted bool
	for _, property := range f.list("expand") {
		if property != only {
			f.fail(invalid("", "expand", "This property cannot be expanded: %s.", property))
		}
		wanted = true
	}
	return wanted
}
