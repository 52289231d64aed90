package gatewaytest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Harness is a gateway to test, over a provider of its own that knows the
// payment methods by the names of Stripe's test cards.
type Harness struct {
	Gateway payments.Gateway
	// Advance moves the provider's clock.
	Advance  func(time.Duration)
	Provider Provider
}

// Provider is what happens at a provider without a call of this service.
type Provider interface {
	// StoreFailure makes the next call of a method fail without effect, and its key
	// answer with that failure from then on.
	StoreFailure(op Op)
	// DelayRefund makes the next refund pending.
	DelayRefund()
	// FinishRefund decides about a refund, see Fake.FinishRefund.
	FinishRefund(id, failure string) bool
	RefundByHand(ref string, amount int64) (payments.RefundObject, error)
	// Dispute begins a dispute, or brings news of it.
	Dispute(ref, status string) (id string)
}

// Run checks the contract of payments.Gateway. newHarness is called once per
// subtest.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for name, check := range map[string]func(*suite){
		"create holds nothing":                         createHoldsNothing,
		"confirm holds":                                confirmHolds,
		"capture takes a part and releases the rest":   captureTakesAPart,
		"capture is bounded by the hold":               captureIsBounded,
		"capture needs a hold":                         captureNeedsAHold,
		"cancel releases and fences":                   cancelReleasesAndFences,
		"cancel fences an object never confirmed":      cancelFencesUnconfirmed,
		"cancel leaves what was captured":              cancelLeavesCaptured,
		"a declined object can be canceled":            declineThenCancel,
		"a required action is a decline":               requiredActionIsADecline,
		"an unknown method is a decline":               unknownMethodIsADecline,
		"a key has one effect":                         keyHasOneEffect,
		"a key keeps a decline":                        keyKeepsADecline,
		"a key is for one request":                     keyIsForOneRequest,
		"a key is forgotten":                           keyIsForgotten,
		"a hold lapses":                                holdLapses,
		"a stored failure is replayed, then forgotten": storedFailures,
		"a refund gives a part back":                   refundGivesBack,
		"a refund needs a capture":                     refundNeedsACapture,
		"a refund's key has one effect":                refundKeyHasOneEffect,
		"a refund may be pending":                      refundIsPending,
		"a refund may fail late":                       refundFailsLate,
		"a refund by hand is listed":                   refundByHand,
		"a dispute is listed with its news":            disputes,
		"an unknown object is permanent":               unknownObject,
		"bad input is permanent":                       badInput,
		"an ended context has no effect":               endedContext,
		"many callers with one key make one object":    concurrentCreates,
		"many callers with one key confirm once":       concurrentConfirms,
		"of capture and cancel at once one succeeds":   captureAgainstCancel,
		"many callers on many objects stay separated":  concurrentObjects,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(&suite{T: t, Harness: newHarness(t)})
		})
	}
}

// Payment methods of the suite.
const (
	works      = "pm_card_visa"
	declines   = "pm_card_chargeDeclinedInsufficientFunds"
	challenges = "pm_card_authenticationRequired"
)

const held = 2000

type suite struct {
	*testing.T
	Harness
	keys int
}

// key is a fresh one.
func (s *suite) key() string {
	s.keys++
	return fmt.Sprintf("key-%d", s.keys)
}

func order(method string) payments.Order {
	return payments.Order{BookingID: "bk_1", Amount: held, Currency: "EUR", Method: method}
}

func (s *suite) created(method string) payments.Payment {
	s.Helper()
	p, err := s.Gateway.Create(s.Context(), order(method), s.key())
	if err != nil {
		s.Fatalf("create: %v", err)
	}
	return p
}

func (s *suite) confirmed() payments.Payment {
	s.Helper()
	p, err := s.Gateway.Confirm(s.Context(), s.created(works).Ref, s.key())
	if err != nil {
		s.Fatalf("confirm: %v", err)
	}
	return p
}

func (s *suite) retrieved(ref string) payments.Payment {
	s.Helper()
	p, err := s.Gateway.Retrieve(s.Context(), ref)
	if err != nil {
		s.Fatalf("retrieve %s: %v", ref, err)
	}
	return p
}

// is compares a payment, and what Retrieve says of it, with what it should be.
// The end of a hold is the provider's choice.
func (s *suite) is(got payments.Payment, want payments.Payment) {
	s.Helper()
	got.Replayed = false // whatever the answer, the object is as it is
	if diff := cmp.Diff(want, withoutCaptureBefore(got)); diff != "" {
		s.Errorf("payment (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, withoutCaptureBefore(s.retrieved(got.Ref))); diff != "" {
		s.Errorf("retrieved (-want +got):\n%s", diff)
	}
}

func withoutCaptureBefore(p payments.Payment) payments.Payment {
	p.CaptureBefore = time.Time{}
	return p
}

// payment is the one of order, in a state.
func payment(ref string, status payments.Status) payments.Payment {
	p := payments.Payment{Ref: ref, BookingID: "bk_1", Status: status, Currency: "EUR", Amount: held}
	if status == payments.StatusAuthorized || status == payments.StatusCaptured {
		p.Authorized = held
	}
	return p
}

// fails checks that err is a *payments.Error of the class.
func (s *suite) fails(what string, err error, want resilience.Class) {
	s.Helper()
	_ = s.failure(what, err, want)
}

// failure is fails for who wants to look closer.
func (s *suite) failure(what string, err error, want resilience.Class) *payments.Error {
	s.Helper()
	var e *payments.Error
	if !errors.As(err, &e) {
		s.Fatalf("%s: %v is not a *payments.Error", what, err)
	}
	if e.Outcome != want || resilience.ClassOf(err) != want {
		s.Errorf("%s: %v is %s, want %s", what, err, e.Outcome, want)
	}
	if e.Code == "" {
		s.Errorf("%s: %v has no code", what, err)
	}
	return e
}

// conflicts checks for "unknown, retrieve".
func (s *suite) conflicts(what string, err error) {
	s.Helper()
	if e := s.failure(what, err, resilience.Unknown); e.Code != "payment_intent_unexpected_state" {
		s.Errorf("%s: code %s", what, e.Code)
	}
}

// each calls every method with the same ref.
func (s *suite) each(ctx context.Context, ref string) map[string]error {
	errs := map[string]error{}
	_, errs["create"] = s.Gateway.Create(ctx, order(works), s.key())
	_, errs["confirm"] = s.Gateway.Confirm(ctx, ref, s.key())
	_, errs["retrieve"] = s.Gateway.Retrieve(ctx, ref)
	_, errs["capture"] = s.Gateway.Capture(ctx, ref, held, s.key())
	_, errs["cancel"] = s.Gateway.Cancel(ctx, ref, s.key())
	_, errs["refund"] = s.Gateway.Refund(ctx, refundOf(ref, 500), s.key())
	_, errs["refunds"] = s.Gateway.Refunds(ctx, ref)
	_, errs["disputes"] = s.Gateway.Disputes(ctx, ref)
	return errs
}
