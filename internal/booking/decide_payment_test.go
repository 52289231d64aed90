package booking_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

func paymentCanceled(cause booking.CancelCause, minute int) booking.BookingCanceled {
	return canceledFor("payment", minute, cause, 0, "")
}

func TestAnAuthorization(t *testing.T) {
	t.Parallel()
	other := authorize
	other.Ref = "pi_2"
	check(t, map[string]rule{
		"begins with an object":             {given{requested(t)}, start, given{started}, ""},
		"has one object":                    {given{requested(t), started}, booking.RecordPaymentStarted{At: noon, Ref: "pi_2", Group: 1}, nil, ""},
		"has no object of an older group":   {given{requested(t)}, booking.RecordPaymentStarted{At: noon, Ref: "pi_2", Group: 7}, nil, ""},
		"is not begun for an ended booking": {given{requested(t), canceledFor("rider", 0, booking.CauseCanceled, 0, "x")}, start, nil, ""},
		"confirms the booking":              {given{requested(t), started}, authorize, given{authorized, confirmed}, ""},
		"is recorded once":                  {held(t), authorize, nil, ""},
		"is this booking's":                 {given{requested(t), started}, other, nil, ""},
		"is recorded after the end, and confirms nothing": {
			given{requested(t), started, expired}, authorize, given{authorized}, "",
		},
		"declined cancels the booking without a fee": {given{requested(t), started}, decline, given{declined, canceled}, ""},
		"declined before there is an object, too": {
			given{requested(t)},
			booking.RecordDecline{At: noon, Code: "resource_missing"},
			given{booking.PaymentDeclined{At: noon, Code: "resource_missing"}, canceled},
			"",
		},
		"declined is recorded once":              {given{requested(t), started, declined, canceled}, decline, nil, ""},
		"declined after it was granted is old":   {held(t), decline, nil, ""},
		"declined after the end cancels nothing": {given{requested(t), started, expired}, decline, given{declined}, ""},
		"that cannot be had, in an older group": {
			given{requested(t), started},
			booking.RecordPaymentFailure{At: noon, Ref: "pi_1", Operation: booking.OperationAuthorize, Reason: "x"},
			nil, "",
		},
		"that cannot be had, of another object": {
			given{requested(t), started},
			booking.RecordPaymentFailure{At: noon, Ref: "pi_2", Group: 1, Operation: booking.OperationAuthorize, Reason: "x"},
			nil, "",
		},
		"that was granted does not fail any more": {
			held(t),
			booking.RecordPaymentFailure{At: noon, Ref: "pi_1", Group: 1, Operation: booking.OperationCapture, Reason: "x"},
			nil, "",
		},
		"that cannot be had cancels the booking": {
			given{requested(t)},
			booking.RecordPaymentFailure{At: noon, Group: 1, Operation: booking.OperationAuthorize, Reason: "x"},
			given{booking.PaymentFailed{At: noon, Operation: booking.OperationAuthorize, Reason: "x"}, paymentCanceled(booking.CausePaymentFailed, 0)},
			"",
		},
	})
}

func TestAHold(t *testing.T) {
	t.Parallel()
	lost := booking.PaymentAuthorizationLost{At: at(9), Ref: "pi_1"}
	lose := booking.RecordAuthorizationLost(lost)
	void := booking.RecordVoid{At: at(9), Ref: "pi_1"}
	captured := booking.PaymentCaptured{At: at(9), Ref: "pi_1", Amount: eur(1084)}
	ended := after(held(t), expired)
	check(t, map[string]rule{
		"is captured":            {over(t), booking.RecordCapture(captured), given{captured}, ""},
		"is captured once":       {after(over(t), captured), booking.RecordCapture(captured), nil, ""},
		"of another is not ours": {over(t), booking.RecordCapture{At: at(9), Ref: "pi_2", Amount: eur(1)}, nil, ""},
		"is released":            {ended, void, given{booking.PaymentVoided{At: at(9), Ref: "pi_1", Waived: eur(0)}}, ""},
		"is released with what is too little to charge": {
			after(withDriver(t), canceledFor("ops", 5, booking.CauseAborted, 30, "x")), void,
			given{booking.PaymentVoided{At: at(9), Ref: "pi_1", Waived: eur(30)}},
			"",
		},
		"is released once":                      {after(ended, booking.PaymentVoided{At: at(9), Ref: "pi_1"}), void, nil, ""},
		"released while it is needed is a loss": {held(t), void, given{lost, paymentCanceled(booking.CauseAuthorizationLost, 9)}, ""},
		"lost before the ride ends the booking": {waiting(t), lose, given{lost, paymentCanceled(booking.CauseAuthorizationLost, 9)}, ""},
		"lost during the ride ends nothing":     {driving(t), lose, given{lost}, ""},
		"lost is lost once":                     {after(driving(t), lost), lose, nil, ""},
		"never made is abandoned": {
			given{requested(t), expired}, booking.RecordAbandoned{At: at(9)}, given{booking.PaymentAbandoned{At: at(9)}}, "",
		},
		"that never was is abandoned with its object": {
			given{requested(t), started, expired},
			booking.RecordAbandoned{At: at(9), Ref: "pi_1"},
			given{booking.PaymentAbandoned{At: at(9), Ref: "pi_1"}},
			"",
		},
		"is not abandoned while the booking lives": {given{requested(t)}, booking.RecordAbandoned{At: at(9)}, nil, ""},
	})
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	spent := func(group int) booking.PaymentAttemptSpent {
		return booking.PaymentAttemptSpent{At: noon, Operation: booking.OperationCapture, Group: group}
	}
	spend := func(group int) booking.RecordAttemptSpent {
		return booking.RecordAttemptSpent{At: noon, Operation: booking.OperationCapture, Group: group}
	}
	four := after(over(t), spent(2), spent(3), spent(4), spent(5))
	failed := booking.PaymentFailed{At: noon, Operation: booking.OperationCapture, Reason: "attempts_spent"}
	retried := booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 6}
	lost := booking.PaymentAuthorizationLost{At: at(9), Ref: "pi_1"}
	check(t, map[string]rule{
		"begin a new group":       {over(t), spend(1), given{spent(2)}, ""},
		"of an old group are old": {after(over(t), spent(2)), spend(1), nil, ""},
		"are five":                {four, spend(5), nil, ""},
		"are five for each operation": {
			four,
			booking.RecordAttemptSpent{At: noon, Operation: booking.OperationVoid, Group: 5},
			given{booking.PaymentAttemptSpent{At: noon, Operation: booking.OperationVoid, Group: 6}},
			"",
		},
		"are not spent on what is settled": {after(over(t), booking.PaymentCaptured{At: noon, Ref: "pi_1", Amount: eur(1)}), spend(1), nil, ""},
		"are granted anew by ops":          {after(four, failed), booking.RetryPayment{At: noon}, given{retried}, ""},
		"are five again after that":        {after(four, failed, retried), spend(6), given{spent(7)}, ""},
		"are not granted without need":     {over(t), booking.RetryPayment{At: noon}, nil, booking.CodeInvalidState},
		"at a lost hold need a new object": {
			after(driving(t), lost, completed),
			booking.RetryPayment{At: noon},
			given{booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 2, NewObject: true}},
			"",
		},
		"at a lost hold wait for the end of the ride": {
			after(driving(t), lost), booking.RetryPayment{At: noon}, nil, booking.CodeInvalidState,
		},
		"at a lost hold that nobody owes do not": {
			after(waiting(t), lost, paymentCanceled(booking.CauseAuthorizationLost, 9)),
			booking.RetryPayment{At: noon},
			given{booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 2}},
			"",
		},
		"at what was never granted need a new object": {
			after(driving(t), lost, completed,
				booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 2, NewObject: true},
				booking.PaymentStarted{At: noon, Ref: "pi_2", Group: 2},
				booking.PaymentFailed{At: noon, Operation: booking.OperationAuthorize, Reason: "x"}),
			booking.RetryPayment{At: noon},
			given{booking.PaymentRetried{At: noon, Operation: booking.OperationAuthorize, Group: 3, NewObject: true}},
			"",
		},
		"at a new object begin with it": {
			after(driving(t), lost, completed, booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 2, NewObject: true}),
			booking.RecordPaymentStarted{At: noon, Ref: "pi_2", Group: 2},
			given{booking.PaymentStarted{At: noon, Ref: "pi_2", Group: 2}},
			"",
		},
	})
}

func TestARefund(t *testing.T) {
	t.Parallel()
	money := func(m booking.Money) *booking.Money { return &m }
	captured := after(over(t), booking.PaymentCaptured{At: at(5), Ref: "pi_1", Amount: eur(1084)})
	asked := func(id string, amount int64) booking.RefundRequested {
		return booking.RefundRequested{At: at(6), RefundID: id, Amount: eur(amount), Personal: booking.Remark{Reason: "late"}}
	}
	ask := func(id string, m *booking.Money) booking.RequestRefund {
		return booking.RequestRefund{At: at(6), RefundID: id, Amount: m, Reason: "late"}
	}
	done := func(id string, amount int64) booking.PaymentRefunded {
		return booking.PaymentRefunded{At: at(7), RefundID: id, Amount: eur(amount)}
	}
	failed := booking.PaymentRefundFailed{At: at(8), RefundID: "rf_1", Code: "lost_card"}
	spent := func(group int) booking.PaymentAttemptSpent {
		return booking.PaymentAttemptSpent{At: noon, Operation: booking.OperationRefund, RefundID: "rf_1", Group: group}
	}
	spend := func(group int) booking.RecordAttemptSpent {
		return booking.RecordAttemptSpent{At: noon, Operation: booking.OperationRefund, RefundID: "rf_1", Group: group}
	}
	check(t, map[string]rule{
		"of all":          {captured, ask("rf_1", nil), given{asked("rf_1", 1084)}, ""},
		"of a part":       {captured, ask("rf_1", money(eur(84))), given{asked("rf_1", 84)}, ""},
		"of what is left": {after(captured, asked("rf_1", 84)), ask("rf_2", nil), given{asked("rf_2", 1000)}, ""},
		"of too much":     {after(captured, asked("rf_1", 84)), ask("rf_2", money(eur(1001))), nil, booking.CodeValidationFailed},
		"of nothing":      {captured, ask("rf_1", money(eur(0))), nil, booking.CodeValidationFailed},
		"of dollars":      {captured, ask("rf_1", money(booking.Money{Amount: 1, Currency: "USD"})), nil, booking.CodeValidationFailed},
		"without a word":  {captured, booking.RequestRefund{At: noon, RefundID: "rf_1"}, nil, booking.CodeValidationFailed},
		"before capture":  {over(t), ask("rf_1", nil), nil, booking.CodeInvalidState},
		"after all went":  {after(captured, asked("rf_1", 1084)), ask("rf_2", nil), nil, booking.CodeInvalidState},
		"after a failure": {
			after(captured, asked("rf_1", 1084), failed), ask("rf_2", nil), given{asked("rf_2", 1084)}, "",
		},
		"after a late failure": {
			after(captured, asked("rf_1", 1084), done("rf_1", 1084), failed), ask("rf_2", nil), given{asked("rf_2", 1084)}, "",
		},
		"is recorded":      {after(captured, asked("rf_1", 84)), booking.RecordRefund(done("rf_1", 84)), given{done("rf_1", 84)}, ""},
		"is recorded once": {after(captured, asked("rf_1", 84), done("rf_1", 84)), booking.RecordRefund(done("rf_1", 84)), nil, ""},
		"by hand is recorded with its wish": {
			captured, booking.RecordRefund(done("re_x", 84)),
			given{booking.RefundRequested{At: at(7), RefundID: "re_x", Amount: eur(84)}, done("re_x", 84)},
			"",
		},
		"by hand of more than was left is no fact": {captured, booking.RecordRefund(done("re_x", 1085)), nil, ""},
		"fails":                       {after(captured, asked("rf_1", 84)), booking.RecordRefundFailure(failed), given{failed}, ""},
		"fails once":                  {after(captured, asked("rf_1", 84), failed), booking.RecordRefundFailure(failed), nil, ""},
		"that is not known fails not": {captured, booking.RecordRefundFailure(failed), nil, ""},
		"spends attempts of its own":  {after(captured, asked("rf_1", 84)), spend(1), given{spent(2)}, ""},
		"gives up after five": {
			after(captured, asked("rf_1", 84), spent(2), spent(3), spent(4), spent(5)), spend(5),
			given{booking.PaymentRefundFailed{At: noon, RefundID: "rf_1", Code: "attempts_spent"}},
			"",
		},
	})
}

func TestRefundsShowInThePayment(t *testing.T) {
	t.Parallel()
	captured := after(over(t), booking.PaymentCaptured{At: at(5), Ref: "pi_1", Amount: eur(1084)})
	asked := booking.RefundRequested{At: at(6), RefundID: "rf_1", Amount: eur(1084)}
	done := booking.PaymentRefunded{At: at(7), RefundID: "rf_1", Amount: eur(1084)}
	failed := booking.PaymentRefundFailed{At: at(8), RefundID: "rf_1"}
	for name, tt := range map[string]struct {
		given    given
		status   booking.PaymentStatus
		refunded int64
	}{
		"asked for":      {after(captured, asked), booking.PaymentIsCaptured, 0},
		"given back":     {after(captured, asked, done), booking.PaymentIsRefunded, 1084},
		"failed late":    {after(captured, asked, done, failed), booking.PaymentIsCaptured, 0},
		"failed at once": {after(captured, asked, failed), booking.PaymentIsCaptured, 0},
	} {
		pay := booking.Fold(booking.State{ID: id}, tt.given).Payment
		if pay.Status != tt.status || pay.Refunded != tt.refunded {
			t.Errorf("%s: %s with %d refunded, want %s with %d", name, pay.Status, pay.Refunded, tt.status, tt.refunded)
		}
	}
}

func TestADisputeIsOnRecord(t *testing.T) {
	t.Parallel()
	dispute := booking.PaymentDisputed{At: noon, DisputeID: "dp_1", Amount: eur(1084), Status: "needs_response"}
	other, won := dispute, dispute
	other.DisputeID, won.Status = "dp_2", "won"
	check(t, map[string]rule{
		"whatever the state":       {held(t), booking.RecordDispute(dispute), given{dispute}, ""},
		"once":                     {after(held(t), dispute), booking.RecordDispute(dispute), nil, ""},
		"once, whatever came next": {after(held(t), dispute, other), booking.RecordDispute(dispute), nil, ""},
		"with what became of it":   {after(held(t), dispute, other), booking.RecordDispute(won), given{won}, ""},
	})
	pay := booking.Fold(booking.State{ID: id}, after(held(t), dispute, other, won)).Payment
	want := []booking.Dispute{{ID: "dp_1", Status: "won", News: 2}, {ID: "dp_2", Status: "needs_response", News: 1}}
	if diff := cmp.Diff(want, pay.Disputes); diff != "" {
		t.Errorf("disputes (-want +got):\n%s", diff)
	}
}
