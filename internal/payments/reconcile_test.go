package payments_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/gatewaytest"
)

// reconciled processes hints to reconcile until one succeeds.
func (d *desk) reconciled(t *testing.T) booking.State {
	t.Helper()
	var last error
	for range 5 {
		b, err := d.Reconcile(t.Context(), id, events.Trace{})
		if err == nil {
			return b.State
		}
		last = err
	}
	t.Fatalf("after 5 hints: %v", last)
	return booking.State{}
}

// Whatever was done at the provider by other hands, and whichever fault meets
// whichever call: the log learns of it, and a second look finds nothing new.
func TestWhatWasDoneByHandIsLearned(t *testing.T) {
	t.Parallel()
	captured := func(t *testing.T, d *desk) { t.Helper(); completed(t, d); d.hinted(t) }
	const object = "pi_fake1"
	for name, tt := range map[string]struct {
		arrive func(*testing.T, *desk)
		byHand func(*testing.T, *desk)
		facts  []string
		want   outcome
	}{
		"nothing": {captured, func(*testing.T, *desk) {}, nil, outcome{booking.PaymentIsCaptured, 1084, 0}},
		"canceled while it is needed": {
			underWay, func(t *testing.T, d *desk) { t.Helper(); d.byHand(t, gatewaytest.Cancel) },
			[]string{"PaymentAuthorizationLost", "BookingCanceled"},
			outcome{booking.PaymentHasFailed, 0, 0},
		},
		"canceled before the capture": {
			completed, func(t *testing.T, d *desk) { t.Helper(); d.byHand(t, gatewaytest.Cancel) },
			[]string{"PaymentAuthorizationLost"},
			outcome{booking.PaymentHasFailed, 0, 0},
		},
		"canceled when it should be": {
			canceledEarly, func(t *testing.T, d *desk) { t.Helper(); d.byHand(t, gatewaytest.Cancel) },
			[]string{"PaymentVoided"},
			outcome{booking.PaymentIsVoided, 0, 0},
		},
		"captured during the ride": {
			underWay, func(t *testing.T, d *desk) { t.Helper(); d.byHand(t, gatewaytest.Capture) },
			[]string{"PaymentCaptured"},
			outcome{booking.PaymentIsCaptured, 700, 0},
		},
		"captured, and the hold was not known": {
			canceledUnclear, func(t *testing.T, d *desk) { t.Helper(); d.byHand(t, gatewaytest.Capture) },
			[]string{"PaymentAuthorized", "PaymentCaptured"},
			outcome{booking.PaymentIsCaptured, 700, 0},
		},
		"captured and refunded": {
			underWay, func(t *testing.T, d *desk) {
				t.Helper()
				d.byHand(t, gatewaytest.Capture)
				d.refundedByHand(t, 700)
			},
			[]string{"PaymentCaptured", "RefundRequested", "PaymentRefunded"},
			outcome{booking.PaymentIsRefunded, 700, 700},
		},
		"refunded in parts": {
			captured, func(t *testing.T, d *desk) { t.Helper(); d.refundedByHand(t, 84); d.refundedByHand(t, 84) },
			[]string{"RefundRequested", "PaymentRefunded", "RefundRequested", "PaymentRefunded"},
			outcome{booking.PaymentIsCaptured, 1084, 168},
		},
		"refunded, which failed": {
			captured, func(t *testing.T, d *desk) {
				t.Helper()
				d.provider.FinishRefund(d.refundedByHand(t, 84), "lost_or_stolen_card")
			},
			nil,
			outcome{booking.PaymentIsCaptured, 1084, 0},
		},
		"a refund failed late": {
			func(t *testing.T, d *desk) { t.Helper(); refundAsked(1084)(t, d); d.hinted(t) },
			func(t *testing.T, d *desk) {
				t.Helper()
				d.provider.FinishRefund(d.refund(t).ID, "lost_or_stolen_card")
			},
			[]string{"PaymentRefundFailed"},
			outcome{booking.PaymentIsCaptured, 1084, 0},
		},
		"a refund by hand failed late": {
			func(t *testing.T, d *desk) { t.Helper(); captured(t, d); d.refundedByHand(t, 84); d.reconciled(t) },
			func(t *testing.T, d *desk) {
				t.Helper()
				d.provider.FinishRefund(d.refund(t).ID, "lost_or_stolen_card")
			},
			[]string{"PaymentRefundFailed"},
			outcome{booking.PaymentIsCaptured, 1084, 0},
		},
		"disputed": {
			captured, func(_ *testing.T, d *desk) { d.provider.Dispute(object, "needs_response") },
			[]string{"PaymentDisputed"},
			outcome{booking.PaymentIsCaptured, 1084, 0},
		},
		"refunded by hand, asked for, and disputed": {
			refundAsked(84), func(t *testing.T, d *desk) { t.Helper(); d.refundedByHand(t, 1000); d.provider.Dispute(object, "lost") },
			[]string{"RefundRequested", "PaymentRefunded", "PaymentDisputed", "PaymentRefunded"},
			outcome{booking.PaymentIsRefunded, 1084, 1084},
		},
		"all refunded by hand, and asked for": {
			refundAsked(84), func(t *testing.T, d *desk) { t.Helper(); d.refundedByHand(t, 1084) },
			[]string{"RefundRequested", "PaymentRefunded", "PaymentRefundFailed"},
			outcome{booking.PaymentIsRefunded, 1084, 1084},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := range 8 { // the last without a fault
				for kind, fault := range survivable {
					d := newDesk(t, "pm_card_visa")
					tt.arrive(t, d)
					before, n := len(d.history(t)), 0
					tt.byHand(t, d)
					d.fault = func(gatewaytest.Call) gatewaytest.Fault {
						if n++; n-1 == at {
							return fault
						}
						return gatewaytest.Fault{}
					}
					d.reconciled(t)
					if diff := cmp.Diff(tt.facts, factsSince(d.history(t)[before:])); diff != "" {
						t.Errorf("facts (-want +got):\n%s", diff)
					}
					scene{want: tt.want}.ends(t, d)
					known := d.history(t)
					d.reconciled(t)
					if diff := cmp.Diff(known, d.history(t)); diff != "" {
						t.Errorf("a second look (-before +after):\n%s", diff)
					}
					if t.Failed() {
						t.Fatalf("%s at call %d", kind, at)
					}
				}
			}
		})
	}
}

func underWay(t *testing.T, d *desk) {
	t.Helper()
	d.hinted(t)
}

// factsSince leaves out how often it was tried; nil for none.
func factsSince(history []string) (facts []string) {
	for _, kind := range history {
		if kind != "PaymentAttemptSpent" {
			facts = append(facts, kind)
		}
	}
	return facts
}

// byHand cancels the provider's first object, or captures 700 of it.
func (d *desk) byHand(t *testing.T, op gatewaytest.Op) {
	t.Helper()
	ref := d.provider.Ledger()[0].Ref
	var err error
	if op == gatewaytest.Cancel {
		_, err = d.provider.Cancel(t.Context(), ref, "by hand")
	} else {
		_, err = d.provider.Capture(t.Context(), ref, 700, "by hand")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) refundedByHand(t *testing.T, amount int64) (refundID string) {
	t.Helper()
	r, err := d.provider.RefundByHand(d.provider.Ledger()[0].Ref, amount)
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// Every news of a dispute is a fact of its own, also one that was there before.
func TestADisputeIsFollowed(t *testing.T) {
	t.Parallel()
	d := scenes["capture"].begin(t)
	d.pursued(t)
	for i, status := range []string{"warning_needs_response", "needs_response", "under_review", "needs_response", "lost"} {
		id := d.provider.Dispute("pi_fake1", status)
		for range 2 {
			s := d.reconciled(t)
			if diff := cmp.Diff([]booking.Dispute{{ID: id, Status: status, News: i + 1}}, s.Payment.Disputes); diff != "" {
				t.Errorf("disputes (-want +got):\n%s", diff)
			}
		}
	}
	if got := count(d.alarms.raised, payments.AlarmDisputed); got != 5 {
		t.Errorf("%d alarms, want 5", got)
	}
}

// A booking without an object has nothing to be reconciled, and what it owes is done.
func TestReconcileGoesOnAsProcessDoes(t *testing.T) {
	t.Parallel()
	for name, s := range scenes {
		d := s.begin(t)
		d.reconciled(t)
		s.ends(t, d)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	d := newDesk(t, "pm_card_visa")
	if _, err := d.Reconcile(t.Context(), booking.ID("bk_"+strings.Repeat("b", 32)), events.Trace{}); !errors.Is(err, payments.ErrNoBooking) {
		t.Errorf("no booking: %v", err)
	}
}

// The provider says whose an object is; one that it does not know is an error, since a
// notice named it.
func TestAnObjectTellsItsBooking(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pm_card_visa")
	d.hinted(t)
	foreign, err := d.provider.Create(t.Context(), payments.Order{BookingID: "order-7", Amount: 100, Currency: "EUR", Method: "pm_card_visa"}, "k")
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]booking.ID{"pi_fake1": id, foreign.Ref: ""} {
		if got, err := d.BookingOf(t.Context(), ref); err != nil || got != want {
			t.Errorf("%s is of %q (%v), want %q", ref, got, err, want)
		}
	}
	var failed *payments.Error
	if _, err := d.BookingOf(t.Context(), "pi_none"); !errors.As(err, &failed) {
		t.Errorf("an object that is not there: %v", err)
	}
}
