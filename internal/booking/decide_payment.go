package booking

// decidePayment decides about facts; ok is false for any other command.
func decidePayment(s State, c Command) (facts []Event, ok bool) {
	switch c := c.(type) {
	case RecordPaymentStarted:
		return decidePaymentStarted(s, c), true
	case RecordAttemptSpent:
		return decideAttemptSpent(s, c), true
	case RecordAuthorization:
		return decideAuthorization(s, c), true
	case RecordDecline:
		return decideDecline(s, c), true
	case RecordPaymentFailure:
		return decideFailure(s, c), true
	case RecordCapture:
		return decideCapture(s, c), true
	case RecordVoid:
		return decideVoid(s, c), true
	case RecordAbandoned:
		return decideAbandoned(s, c), true
	case RecordAuthorizationLost:
		return decideAuthorizationLost(s, c), true
	case RecordRefund, RecordRefundFailure, RecordDispute:
		return decideAfterCapture(s, c), true
	default:
		return nil, false
	}
}

// open tells whether the outcome of the authorization is not known yet.
func (p Payment) open() bool { return p.Status == PaymentPending || p.Status == PaymentIsStarted }

// OwesAuthorization tells whether the fare should be held: for a new booking, and
// for an amount owed whose hold was lost.
func (s State) OwesAuthorization() bool {
	return s.Payment.open() && (s.Status == Requested || s.OwesCharge())
}

// OwesCharge reports whether the rider owes an amount that the provider could charge.
// As long as it is not captured, the payment is not settled.
func (s State) OwesCharge() bool { return s.Owed().Chargeable() }

// decidePaymentStarted grants the first object of a group only: of two functions
// that made one each, the loser finds the winner's in the log and cancels its own.
func decidePaymentStarted(s State, c RecordPaymentStarted) []Event {
	if !s.OwesAuthorization() || c.Ref == "" || s.Payment.Ref != "" || c.Group != s.Payment.Group {
		return nil
	}
	return []Event{PaymentStarted{At: c.At, Ref: c.Ref, Group: c.Group}}
}

func decideAttemptSpent(s State, c RecordAttemptSpent) []Event {
	if c.Operation == OperationRefund {
		r, ok := s.Payment.Refund(c.RefundID)
		switch {
		case !ok || r.Status != RefundOpen || r.Group != c.Group:
			return nil
		case r.Attempts.Last():
			return []Event{PaymentRefundFailed{At: c.At, RefundID: r.ID, Code: ReasonSpent}}
		default:
			return []Event{PaymentAttemptSpent{At: c.At, Operation: c.Operation, RefundID: r.ID, Group: r.Group + 1}}
		}
	}
	// Without another group the operation stays in its last one: money may still be
	// held, so this alone is no failure. See RecordPaymentFailure.
	if !s.Payment.pursues(c.Operation) || s.Payment.Group != c.Group || s.Payment.Attempts(c.Operation).Last() {
		return nil
	}
	return []Event{PaymentAttemptSpent{At: c.At, Operation: c.Operation, Group: s.Payment.Group + 1}}
}

// pursues reports whether an operation on the payment object may still be under way: an
// object that nothing is known to hold is confirmed or canceled, a hold is captured or
// canceled.
func (p Payment) pursues(o Operation) bool {
	switch o {
	case OperationAuthorize:
		return p.open()
	case OperationCapture:
		return p.Status == PaymentIsAuthorized
	case OperationVoid:
		return p.open() || p.Status == PaymentIsAuthorized
	default:
		return false
	}
}

// decideAuthorization takes no hold of an object that failed or lost its hold: the
// object was canceled before that was recorded, so the authorization is older.
func decideAuthorization(s State, c RecordAuthorization) []Event {
	if !s.Payment.open() || s.Payment.Lost || s.Payment.Ref != c.Ref {
		return nil
	}
	facts := []Event{PaymentAuthorized{At: c.At, Ref: c.Ref, Amount: c.Amount, CaptureBefore: c.CaptureBefore}}
	if s.Status == Requested {
		facts = append(facts, BookingConfirmed{At: c.At, AssignBy: c.At.Add(AssignWithin)})
	}
	return facts
}

// decideDecline makes a decline final only where nothing is owed. Where the provider
// could charge an amount that is owed, it is a failure, which ops may have retried. A
// decline without an object is known by its group of attempts.
func decideDecline(s State, c RecordDecline) []Event {
	if !s.Payment.open() || s.Payment.Ref != c.Ref || c.Ref == "" && s.Payment.Group != c.Group {
		return nil
	}
	if s.OwesCharge() {
		return []Event{PaymentFailed{At: c.At, Operation: OperationAuthorize, Reason: c.Code}}
	}
	return s.andCancel(PaymentDeclined{At: c.At, Ref: c.Ref, Code: c.Code}, CausePaymentDeclined, s.Status == Requested)
}

// decideFailure is for a payment that holds nothing: a hold is captured, released
// or lost, and until then somebody's money is at stake.
func decideFailure(s State, c RecordPaymentFailure) []Event {
	if !s.Payment.open() || s.Payment.Ref != c.Ref || s.Payment.Group != c.Group {
		return nil
	}
	return s.andCancel(PaymentFailed{At: c.At, Operation: c.Operation, Reason: c.Reason}, CausePaymentFailed, s.Status == Requested)
}

func decideCapture(s State, c RecordCapture) []Event {
	known := s.Payment.Status == PaymentIsCaptured || s.Payment.Status == PaymentIsRefunded
	if known || s.Payment.Ref != c.Ref || c.Ref == "" {
		return nil
	}
	return []Event{PaymentCaptured(c)}
}

// decideVoid takes the release of a hold that is still needed for what it is: a
// loss.
func decideVoid(s State, c RecordVoid) []Event {
	if !s.Status.Terminal() || s.OwesCharge() {
		return decideAuthorizationLost(s, RecordAuthorizationLost(c))
	}
	if s.Payment.Status != PaymentIsAuthorized || s.Payment.Ref != c.Ref {
		return nil
	}
	return []Event{PaymentVoided{At: c.At, Ref: c.Ref, Waived: s.Owed()}}
}

// decideAbandoned is for a booking that is over and owes nothing: as long as it may
// still be paid, nothing is abandoned. A failed authorization held nothing, either; a
// hold that was lost waits for ops.
func decideAbandoned(s State, c RecordAbandoned) []Event {
	nothingHeld := s.Payment.open() || s.Payment.Failed == OperationAuthorize
	if !s.Status.Terminal() || s.OwesCharge() || !nothingHeld || s.Payment.Ref != c.Ref {
		return nil
	}
	return []Event{PaymentAbandoned(c)}
}

func decideAuthorizationLost(s State, c RecordAuthorizationLost) []Event {
	if s.Payment.Status != PaymentIsAuthorized || s.Payment.Ref != c.Ref {
		return nil
	}
	beforeRide := !s.Status.Terminal() && s.Status != InProgress
	return s.andCancel(PaymentAuthorizationLost(c), CauseAuthorizationLost, beforeRide)
}

// andCancel returns a fact, and with it the end of the booking where the fact
// leaves nobody to pay for it.
func (s State) andCancel(fact Event, cause CancelCause, over bool) []Event {
	if !over {
		return []Event{fact}
	}
	after := Evolve(s, fact)
	return []Event{fact, BookingCanceled{
		At: after.UpdatedAt, By: ActorPayment, Cause: cause, Fee: Money{Currency: s.Fare.Currency},
	}}
}

func decideAfterCapture(s State, c Command) []Event {
	switch c := c.(type) {
	case RecordRefund:
		return decideRefunded(s, c)
	case RecordRefundFailure:
		return decideRefundFailed(s, c)
	case RecordDispute:
		known, _ := s.Payment.Dispute(c.DisputeID)
		if known.Status == c.Status || known.News != c.News {
			return nil
		}
		return []Event{PaymentDisputed{At: c.At, DisputeID: c.DisputeID, Amount: c.Amount, Status: c.Status}}
	default:
		return nil
	}
}

// decideRefunded takes a success after a failure only if it is of another object at the
// provider: an object that has failed never succeeds again, so its success is older.
func decideRefunded(s State, c RecordRefund) []Event {
	r, known := s.Payment.Refund(c.RefundID)
	older := r.Status == RefundDone || r.Status == RefundFailed && r.Ref != "" && r.Ref == c.Ref
	if known && older {
		return nil
	}
	fact := PaymentRefunded{At: c.At, RefundID: c.RefundID, Amount: c.Amount}
	if known {
		return []Event{fact}
	}
	// Refunded at the provider by hand: the log learns of it in one commit.
	if c.Amount.Amount > s.Payment.Captured-s.Payment.Refunded {
		return nil
	}
	return []Event{RefundRequested{At: c.At, RefundID: c.RefundID, Amount: c.Amount}, fact}
}

// decideRefundFailed takes the refusal of a request only as long as no later request, or
// its success, is known. The failure of an object is taken after its success, too.
func decideRefundFailed(s State, c RecordRefundFailure) []Event {
	r, known := s.Payment.Refund(c.RefundID)
	refusedEarlier := c.Ref == "" && (r.Status != RefundOpen || r.Group != c.Group)
	if !known || r.Status == RefundFailed || refusedEarlier {
		return nil
	}
	return []Event{PaymentRefundFailed{At: c.At, RefundID: c.RefundID, Ref: c.Ref, Code: c.Code}}
}
