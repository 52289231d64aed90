package paysim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The state machine as one table: which step is allowed in which state, and
// where it leads.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	steps := map[string]struct {
		check func(p *intent) *apiError
		take  func(p *intent)
		to    status
	}{
		"confirm": {
			func(p *intent) *apiError { return p.checkConfirm("pm_card_visa") },
			func(p *intent) {
				p.confirm(attempt{chargeID: "ch_2", method: "pm_card_visa", now: now, holdFor: time.Hour})
			}, requiresCapture,
		},
		"capture": {
			func(p *intent) *apiError { return p.checkCapture(600) },
			func(p *intent) { p.capture(600, "re_1", now) }, succeeded,
		},
		"cancel": {(*intent).checkCancel, func(p *intent) { p.cancel("", "re_1", now) }, canceled},
		"refund": {
			func(p *intent) *apiError { return p.checkRefund(100) },
			func(p *intent) { p.refund(&refund{id: "re_2", amount: 100, created: now}) }, succeeded,
		},
	}
	allowed := map[status]string{
		requiresPaymentMethod: "confirm cancel",
		requiresConfirmation:  "confirm cancel",
		requiresAction:        "confirm cancel",
		processing:            "",
		requiresCapture:       "capture cancel",
		succeeded:             "refund",
		canceled:              "",
	}
	for from, names := range allowed {
		for name, step := range steps {
			p := intentIn(from, now)
			err := step.check(p)
			if !slices.Contains(strings.Fields(names), name) {
				if err == nil || err.Code != codeUnexpectedState || err.status != 400 {
					t.Errorf("%s from %s: %+v, want %s", name, from, err, codeUnexpectedState)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s from %s: %+v", name, from, err)
				continue
			}
			step.take(p)
			if p.status != step.to {
				t.Errorf("%s from %s leads to %s, want %s", name, from, p.status, step.to)
			}
		}
	}
}

func intentIn(s status, now time.Time) *intent {
	p := &intent{id: "pi_1", amount: 1000, currency: "eur", manual: true, method: "pm_card_visa", status: s, resumeAt: requiresConfirmation}
	switch s {
	case requiresCapture:
		p.charge = &charge{id: "ch_1", captureBefore: now.Add(time.Hour)}
	case succeeded:
		p.charge = &charge{id: "ch_1", captured: true, amountCaptured: 1000}
	}
	return p
}

func TestDeclineTakesThePaymentMethodAway(t *testing.T) {
	t.Parallel()
	p := intentIn(requiresConfirmation, time.Time{})
	if err := p.confirm(attempt{chargeID: "ch_1", forceDecline: true}); err == nil || err.Code != "card_declined" {
		t.Fatalf("confirm: %+v", err)
	}
	if p.status != requiresPaymentMethod || p.method != "" {
		t.Errorf("status %s, method %q", p.status, p.method)
	}
	if err := p.checkConfirm(""); err == nil || err.Code != codeUnexpectedState {
		t.Errorf("confirmed again without a method: %+v", err)
	}
	if err := p.checkConfirm("pm_card_visa"); err != nil {
		t.Errorf("confirmed again with a method: %+v", err)
	}
}

func TestAutomaticCaptureSucceedsAtOnce(t *testing.T) {
	t.Parallel()
	p := intentIn(requiresConfirmation, time.Time{})
	p.manual = false
	if err := p.confirm(attempt{chargeID: "ch_1"}); err != nil || p.status != succeeded || p.received() != 1000 {
		t.Errorf("%+v: %s, received %d", err, p.status, p.received())
	}
}

func TestRefundsAreBounded(t *testing.T) {
	t.Parallel()
	p := intentIn(requiresCapture, time.Time{})
	p.capture(700, "re_0", time.Time{})
	if err := p.checkRefund(701); err == nil {
		t.Error("refunded more than was captured")
	}
	p.refund(&refund{id: "re_1", amount: 200})
	if err := p.checkRefund(501); err == nil {
		t.Error("refunded more than is left")
	}
	p.refund(&refund{id: "re_2"}) // all that is left
	if got := p.refunded(); got != 700 {
		t.Errorf("refunded %d, want 700", got)
	}
	if err := p.checkRefund(0); err == nil || err.Code != "charge_already_refunded" {
		t.Errorf("refunded again: %+v", err)
	}
}
