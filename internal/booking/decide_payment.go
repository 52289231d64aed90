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
	return s.Payment.open() && (s.Status == Requested || s.Owed().Chargeable())
}

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
	owed := !s.Payment.Status.Settled() && s.Payment.Status != PaymentHasFailed
	if !owed || s.Payment.Group != c.Group || s.Payment.Attempts(c.Operation).Last() {
		return nil
	}
	return []Event{PaymentAttemptSpent{At: c.At, Operation: c.Operation, Group: s.Payment.Group + 1}}
}

func decideAuthorization(s State, c RecordAuthorization) []Event {
	known := !s.Payment.open() && s.Payment.Status != PaymentHasFailed
	if known || s.Payment.Lost || s.Payment.Ref != c.Ref {
		return nil
	}
	facts := []Event{PaymentAuthorized{At: c.At, Ref: c.Ref, Amount: c.Amount, CaptureBefore: c.CaptureBefore}}
	if s.Status == Requested {
		facts = append(facts, BookingConfirmed{At: c.At, AssignBy: c.At.Add(AssignWithin)})
	}
	return facts
}

func decideDecline(s State, c RecordDecline) []Event {
	if !s.Payment.open() || s.Payment.Ref != c.Ref {
		return nil
	}
	return s.andCancel(PaymentDeclined(c), CausePaymentDeclined, s.Status == Requested)
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
	if !s.Status.Terminal() {
		return decideAuthorizationLost(s, RecordAuthorizationLost(c))
	}
	if s.Payment.Status != PaymentIsAuthorized && s.Payment.Status != PaymentHasFailed || s.Payment.Ref != c.Ref || s.Payment.Lost {
		return nil
	}
	return []Event{PaymentVoided{At: c.At, Ref: c.Ref, Waived: s.Owed()}}
}

// decideAbandoned is for a booking that is over: as long as it may still be paid,
// nothing is abandoned.
func decideAbandoned(s State, c RecordAbandoned) []Event {
	nothingHeld := s.Payment.open() || s.Payment.Status == PaymentHasFailed
	if !s.Status.Terminal() || !nothingHeld || s.Payment.Ref != c.Ref {
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
		r, known := s.Payment.Refund(c.RefundID)
		if known && r.Status == RefundDone {
			return nil
		}
		fact := PaymentRefunded(c)
		if known {
			return []Event{fact}
		}
		// Refunded at the provider by hand: the log learns of it in one commit.
		if c.Amount.Amount > s.Payment.Captured-s.Payment.Refunded {
			return nil
		}
		return []Event{RefundRequested{At: c.At, RefundID: c.RefundID, Amount: c.Amount}, fact}
	case RecordRefundFailure:
		if r, known := s.Payment.Refund(c.RefundID); !known || r.Status == RefundFailed {
			return nil
		}
		return []Event{PaymentRefundFailed(c)}
	case RecordDispute:
		if known, _ := s.Payment.Dispute(c.DisputeID); known.Status == c.Status {
			return nil
		}
		return []Event{PaymentDisputed(c)}
	default:
		return nil
	}
}
