package payments

import (
	"errors"
	"fmt"
)

// ErrMismatch is an answer of the provider that does not fit what was asked of it:
// another object, booking, currency or amount. What really happened is unknown, so that
// nothing is recorded; the work stays due and the object is retrieved again.
var ErrMismatch = errors.New("the provider's answer does not fit what was asked")

func mismatch(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMismatch, fmt.Sprintf(format, args...))
}

// verify compares what the provider says of the object that the log names with the log.
// A hold that is only to be released may be of any amount: it is released all the same.
func (j *job) verify(due Operation, object Payment) error {
	s := j.booking.State
	release := due == Void || due == Abandon
	switch {
	case object.Ref != s.Payment.Ref:
		return mismatch("asked about %s, it answers about %s", s.Payment.Ref, object.Ref)
	case object.BookingID != string(s.ID):
		return mismatch("%s belongs to another booking", object.Ref)
	case object.Status == StatusCanceled, release && object.Status != StatusCaptured:
		return nil // nothing is held or taken, or shall be
	default:
		return verifyTerms(object, s.Payment.Asked, s.Fare.Currency)
	}
}

// verifyTerms compares the amounts of an object with the amount that it was made for. A
// hold is of the whole amount: neither partial authorizations nor changed amounts are
// ever asked for.
func verifyTerms(object Payment, amount int64, currency string) error {
	switch {
	case object.Currency != currency:
		return mismatch("%s is in %s, asked for was %s", object.Ref, object.Currency, currency)
	case object.Amount != amount:
		return mismatch("%s is of %d, asked for was %d", object.Ref, object.Amount, amount)
	case object.Status == StatusAuthorized && object.Authorized != amount:
		return mismatch("%s holds %d, asked for was %d", object.Ref, object.Authorized, amount)
	case object.Status == StatusCaptured && (object.Captured <= 0 || object.Captured > amount):
		return mismatch("%s took %d of %d", object.Ref, object.Captured, amount)
	case object.Refunded < 0 || object.Refunded > object.Captured:
		return mismatch("%s gave back %d of %d", object.Ref, object.Refunded, object.Captured)
	default:
		return nil
	}
}

// verifyRefunds compares a list of refunds with what was captured and asked for.
// Refunds that were made by hand at the provider are bounded by what is left.
func (j *job) verifyRefunds(listed []RefundObject) error {
	pay := j.payment()
	left := pay.Captured
	for _, r := range listed {
		known, ours := pay.Refund(r.RefundID)
		switch {
		case r.Currency != j.booking.State.Fare.Currency:
			return mismatch("refund %s is in %s", r.ID, r.Currency)
		case r.Amount <= 0:
			return mismatch("refund %s is of %d", r.ID, r.Amount)
		case r.RefundID != "" && ours && r.Amount != known.Amount:
			return mismatch("refund %s is of %d, asked for was %d", r.ID, r.Amount, known.Amount)
		}
		if r.Status != RefundFailed {
			left -= r.Amount
		}
	}
	if left < 0 {
		return mismatch("%s gave back %d more than the %d that were captured", pay.Ref, -left, pay.Captured)
	}
	return nil
}
