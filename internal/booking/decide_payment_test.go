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
			booking.RecordDecline{At: noon, Group: 1, Code: "resource_missing"},
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

// What is owed, and could be charged, is settled by nothing but its capture.
func TestWhatIsOwedIsNotSettledWithoutIt(t *testing.T) {
	t.Parallel()
	lost := booking.PaymentAuthorizationLost{At: at(9), Ref: "pi_1"}
	retry := booking.RetryPayment{At: noon}
	again := func(group int) booking.PaymentRetried {
		return booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: group, NewObject: true}
	}
	second := booking.PaymentStarted{At: noon, Ref: "pi_2", Group: 2}
	failed := booking.PaymentFailed{At: noon, Operation: booking.OperationAuthorize, Reason: "insufficient_funds"}
	declineSecond := booking.RecordDecline{At: noon, Ref: "pi_2", Group: 2, Code: "insufficient_funds"}
	withoutObject := booking.RecordDecline{At: noon, Group: 2, Code: "insufficient_funds"}
	fee := func(amount int64) given {
		return after(driving(t), lost, canceledFor("ops", 10, booking.CauseAborted, amount, "x"))
	}
	ride := after(driving(t), lost, completed, again(2))
	check(t, map[string]rule{
		"a declined card for a ride fails":          {after(ride, second), declineSecond, given{failed}, ""},
		"a declined card for a fee fails":           {after(fee(50), again(2), second), declineSecond, given{failed}, ""},
		"a decline before there is an object fails": {ride, withoutObject, given{failed}, ""},
		"a decline of an older group is old":        {after(ride, failed, again(3)), withoutObject, nil, ""},
		"a decline after that is old":               {after(ride, second, failed), declineSecond, nil, ""},
		"an object of before the decline is old":    {after(ride, failed), booking.RecordPaymentStarted{At: noon, Ref: "pi_2", Group: 2}, nil, ""},
		"a decline is retried with a new object": {
			after(ride, second, failed), retry,
			given{booking.PaymentRetried{At: noon, Operation: booking.OperationAuthorize, Group: 3, NewObject: true}},
			"",
		},
		"a lost hold of the least that can be charged is held anew": {fee(50), retry, given{again(2)}, ""},
		"a lost hold of less is not": {
			fee(49), retry, given{booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 2}}, "",
		},
		"a release is a loss":             {over(t), booking.RecordVoid{At: at(9), Ref: "pi_1"}, given{lost}, ""},
		"a failed payment is not dropped": {after(ride, second, failed), booking.RecordAbandoned{At: at(9), Ref: "pi_2"}, nil, ""},
		"a new object is not dropped":     {after(ride, second), booking.RecordAbandoned{At: at(9), Ref: "pi_2"}, nil, ""},
	})
}

// Facts that are older than the state, because the function that read them was slow.
func TestAnOldFactAppendsNothing(t *testing.T) {
	t.Parallel()
	lost := booking.PaymentAuthorizationLost{At: at(9), Ref: "pi_1"}
	gone := after(waiting(t), lost, paymentCanceled(booking.CauseAuthorizationLost, 9))
	retriedGone := after(gone, booking.PaymentRetried{At: noon, Operation: booking.OperationCapture, Group: 2})
	failed := after(given{requested(t), started}, booking.PaymentFailed{At: noon, Operation: booking.OperationAuthorize, Reason: "x"}, paymentCanceled(booking.CausePaymentFailed, 0))
	voided := after(held(t), expired, booking.PaymentVoided{At: at(9), Ref: "pi_1"})
	abandoned := given{requested(t), started, expired, booking.PaymentAbandoned{At: at(9), Ref: "pi_1"}}
	captured := after(over(t), booking.PaymentCaptured{At: at(9), Ref: "pi_1", Amount: eur(1084)})
	void, abandon := booking.RecordVoid{At: at(9), Ref: "pi_1"}, booking.RecordAbandoned{At: at(9), Ref: "pi_1"}
	fail := booking.RecordPaymentFailure{At: at(9), Ref: "pi_1", Group: 1, Operation: booking.OperationAuthorize, Reason: "x"}
	lose := booking.RecordAuthorizationLost(lost)
	spend := func(o booking.Operation) booking.RecordAttemptSpent {
		return booking.RecordAttemptSpent{At: noon, Operation: o, Group: 1}
	}
	check(t, map[string]rule{
		"an authorization after a release":           {voided, authorize, nil, ""},
		"an authorization after an end without it":   {abandoned, authorize, nil, ""},
		"an authorization after a failure":           {failed, authorize, nil, ""},
		"an authorization after a decline":           {given{requested(t), started, declined, canceled}, authorize, nil, ""},
		"an authorization after a loss":              {gone, authorize, nil, ""},
		"an authorization of a loss that is retried": {retriedGone, authorize, nil, ""},
		"an authorization after a capture":           {captured, authorize, nil, ""},
		"a release after a loss":                     {gone, void, nil, ""},
		"a release after a failure":                  {failed, void, nil, ""},
		"a release after a capture":                  {captured, void, nil, ""},
		"a release of another object":                {after(held(t), expired), booking.RecordVoid{At: at(9), Ref: "pi_2"}, nil, ""},
		"a loss after a release":                     {voided, lose, nil, ""},
		"a loss after a capture":                     {captured, lose, nil, ""},
		"a loss of another object":                   {driving(t), booking.RecordAuthorizationLost{At: at(9), Ref: "pi_2"}, nil, ""},
		"nothing held after a hold":                  {after(held(t), expired), abandon, nil, ""},
		"nothing held of another object":             {given{requested(t), started, expired}, booking.RecordAbandoned{At: at(9), Ref: "pi_2"}, nil, ""},
		"nothing held after a loss":                  {gone, abandon, nil, ""},
		"nothing held, a second time":                {abandoned, abandon, nil, ""},
		"nothing held after a loss that is retried":  {retriedGone, abandon, given{booking.PaymentAbandoned(abandon)}, ""},
		"nothing held after a failure":               {failed, abandon, given{booking.PaymentAbandoned(abandon)}, ""},
		"a decline after a release":                  {voided, decline, nil, ""},
		"a decline of another object":                {given{requested(t), started}, booking.RecordDecline{At: noon, Ref: "pi_2", Group: 1}, nil, ""},
		"a capture after it was all given back": {
			after(captured, booking.RefundRequested{At: noon, RefundID: "rf_1", Amount: eur(1084)}, booking.PaymentRefunded{At: noon, RefundID: "rf_1", Amount: eur(1084)}),
			booking.RecordCapture{At: at(9), Ref: "pi_1", Amount: eur(1084)},
			nil, "",
		},
		"a failure after a release":                  {voided, fail, nil, ""},
		"an object after an object was declined":     {given{requested(t), started, declined, canceled}, start, nil, ""},
		"an object without a name":                   {given{requested(t)}, booking.RecordPaymentStarted{At: noon, Group: 1}, nil, ""},
		"attempts at what is held":                   {held(t), spend(booking.OperationAuthorize), nil, ""},
		"attempts at a capture before the hold":      {given{requested(t), started}, spend(booking.OperationCapture), nil, ""},
		"attempts at a release after it":             {voided, spend(booking.OperationVoid), nil, ""},
		"attempts at nothing":                        {held(t), spend("teleport"), nil, ""},
		"attempts at what failed":                    {failed, spend(booking.OperationAuthorize), nil, ""},
		"attempts at a refund that nobody asked for": {captured, spend(booking.OperationRefund), nil, ""},
		"a capture without an object":                {given{requested(t)}, booking.RecordCapture{At: noon, Amount: eur(1)}, nil, ""},
	})
	check(t, map[string]rule{
		"a failure after the end, without another end": {
			given{requested(t), started, expired},
			fail,
			given{booking.PaymentFailed{At: at(9), Operation: booking.OperationAuthorize, Reason: "x"}},
			"",
		},
		"attempts to hold": {
			given{requested(t), started},
			spend(booking.OperationAuthorize),
			given{booking.PaymentAttemptSpent{At: noon, Operation: booking.OperationAuthorize, Group: 2}},
			"",
		},
		"attempts to cancel what is not confirmed": {
			given{requested(t), started},
			spend(booking.OperationVoid),
			given{booking.PaymentAttemptSpent{At: noon, Operation: booking.OperationVoid, Group: 2}},
			"",
		},
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
	succeed := func(id, ref string, amount int64) booking.RecordRefund {
		return booking.RecordRefund{At: at(7), RefundID: id, Ref: ref, Amount: eur(amount)}
	}
	failed := booking.PaymentRefundFailed{At: at(8), RefundID: "rf_1", Ref: "re_1", Code: "lost_card"}
	fail := booking.RecordRefundFailure{At: at(8), RefundID: "rf_1", Ref: "re_1", Code: "lost_card"}
	refused := booking.PaymentRefundFailed{At: at(8), RefundID: "rf_1", Code: "charge_disputed"}
	refuse := func(group int) booking.RecordRefundFailure {
		return booking.RecordRefundFailure{At: at(8), RefundID: "rf_1", Group: group, Code: "charge_disputed"}
	}
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
		// While one is open, more may go back by hand: less than nothing is left then.
		"after too much was asked for": {
			after(captured, asked("rf_1", 1000), asked("re_x", 800), done("re_x", 800)), ask("rf_2", nil), nil, booking.CodeInvalidState,
		},
		"of a part after too much was asked for": {
			after(captured, asked("rf_1", 1000), asked("re_x", 800), done("re_x", 800)), ask("rf_2", money(eur(1))), nil, booking.CodeInvalidState,
		},
		"after a failure": {
			after(captured, asked("rf_1", 1084), failed), ask("rf_2", nil), given{asked("rf_2", 1084)}, "",
		},
		"after a late failure": {
			after(captured, asked("rf_1", 1084), done("rf_1", 1084), failed), ask("rf_2", nil), given{asked("rf_2", 1084)}, "",
		},
		"is recorded":      {after(captured, asked("rf_1", 84)), succeed("rf_1", "re_1", 84), given{done("rf_1", 84)}, ""},
		"is recorded once": {after(captured, asked("rf_1", 84), done("rf_1", 84)), succeed("rf_1", "re_1", 84), nil, ""},
		"by hand is recorded with its wish": {
			captured, succeed("re_x", "re_x", 84),
			given{booking.RefundRequested{At: at(7), RefundID: "re_x", Amount: eur(84)}, done("re_x", 84)},
			"",
		},
		"by hand of all that is left": {
			after(captured, asked("rf_1", 84), done("rf_1", 84)), succeed("re_x", "re_x", 1000),
			given{booking.RefundRequested{At: at(7), RefundID: "re_x", Amount: eur(1000)}, done("re_x", 1000)},
			"",
		},
		"by hand of more than was left is no fact": {after(captured, asked("rf_1", 84), done("rf_1", 84)), succeed("re_x", "re_x", 1001), nil, ""},
		"fails":                       {after(captured, asked("rf_1", 84)), fail, given{failed}, ""},
		"fails after it succeeded":    {after(captured, asked("rf_1", 84), done("rf_1", 84)), fail, given{failed}, ""},
		"fails once":                  {after(captured, asked("rf_1", 84), failed), fail, nil, ""},
		"that is not known fails not": {captured, fail, nil, ""},
		"that failed did not succeed before that": {after(captured, asked("rf_1", 84), failed), succeed("rf_1", "re_1", 84), nil, ""},
		"that failed late did not succeed before that": {
			after(captured, asked("rf_1", 84), done("rf_1", 84), failed), succeed("rf_1", "re_1", 84), nil, "",
		},
		"that failed succeeds as another object": {
			after(captured, asked("rf_1", 84), failed), succeed("rf_1", "re_2", 84), given{done("rf_1", 84)}, "",
		},
		"whose attempts were spent succeeds late": {
			after(captured, asked("rf_1", 84), booking.PaymentRefundFailed{At: at(6), RefundID: "rf_1", Code: booking.ReasonSpent}),
			succeed("rf_1", "re_1", 84),
			given{done("rf_1", 84)},
			"",
		},
		"that failed before objects were kept succeeds without one": {
			after(captured, asked("rf_1", 84), refused), succeed("rf_1", "", 84), given{done("rf_1", 84)}, "",
		},
		"is refused":                           {after(captured, asked("rf_1", 84)), refuse(1), given{refused}, ""},
		"is not refused once it was made":      {after(captured, asked("rf_1", 84), done("rf_1", 84)), refuse(1), nil, ""},
		"is not refused in an older group":     {after(captured, asked("rf_1", 84), spent(2)), refuse(1), nil, ""},
		"is refused in the group of today":     {after(captured, asked("rf_1", 84), spent(2)), refuse(2), given{refused}, ""},
		"that failed is not refused as well":   {after(captured, asked("rf_1", 84), failed), refuse(1), nil, ""},
		"spends no attempts once it was made":  {after(captured, asked("rf_1", 84), done("rf_1", 84)), spend(1), nil, ""},
		"spends no attempts in an older group": {after(captured, asked("rf_1", 84), spent(2)), spend(1), nil, ""},
		"spends attempts of its own":           {after(captured, asked("rf_1", 84)), spend(1), given{spent(2)}, ""},
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
	record := func(e booking.PaymentDisputed, news int) booking.RecordDispute {
		return booking.RecordDispute{At: e.At, DisputeID: e.DisputeID, Amount: e.Amount, Status: e.Status, News: news}
	}
	check(t, map[string]rule{
		"whatever the state":       {held(t), record(dispute, 0), given{dispute}, ""},
		"once":                     {after(held(t), dispute), record(dispute, 1), nil, ""},
		"once, whatever came next": {after(held(t), dispute, other), record(dispute, 1), nil, ""},
		"with what became of it":   {after(held(t), dispute, other), record(won, 1), given{won}, ""},
		"not as it was before":     {after(held(t), won), record(dispute, 0), nil, ""},
		"as it is again":           {after(held(t), dispute, won), record(dispute, 2), given{dispute}, ""},
	})
	pay := booking.Fold(booking.State{ID: id}, after(held(t), dispute, other, won)).Payment
	want := []booking.Dispute{{ID: "dp_1", Status: "won", News: 2}, {ID: "dp_2", Status: "needs_response", News: 1}}
	if diff := cmp.Diff(want, pay.Disputes); diff != "" {
		t.Errorf("disputes (-want +got):\n%s", diff)
	}
}
