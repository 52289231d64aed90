package booking_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

func anyCommand(r booking.Request) *rapid.Generator[booking.Command] {
	ref := rapid.SampledFrom([]string{"", "pi_1", "pi_2"})
	return rapid.Custom(func(t *rapid.T) booking.Command {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return r
		case 1:
			return booking.RecordPaymentStarted{At: noon, Ref: ref.Draw(t, "ref")}
		case 2:
			return booking.RecordAuthorization{At: noon, Ref: ref.Draw(t, "ref"), Amount: eur(1308), CaptureBefore: captureBefore}
		default:
			return booking.RecordDecline{At: noon, Ref: ref.Draw(t, "ref"), Code: "card_declined"}
		}
	})
}

// Whatever is asked for, in whatever order: a fact is recorded once, a canceled
// booking stays canceled, and no more is authorized than was asked for.
func TestAnySequenceOfCommandsKeepsTheRules(t *testing.T) {
	t.Parallel()
	asked := request(t)
	rapid.Check(t, func(t *rapid.T) {
		s := booking.State{ID: id}
		for _, c := range rapid.SliceOfN(anyCommand(asked), 1, 12).Draw(t, "commands") {
			decided, err := booking.Decide(s, c)
			next := booking.Fold(s, decided)
			if err != nil && len(decided) > 0 {
				t.Fatalf("%#v was both granted and rejected", c)
			}
			if s.Status == booking.Canceled && next.Status != booking.Canceled {
				t.Fatalf("%#v left the end for %s", c, next.Status)
			}
			if next.Payment.Authorized > next.Hold.Amount {
				t.Fatalf("%#v authorized %d of %d", c, next.Payment.Authorized, next.Hold.Amount)
			}
			if next.Version != s.Version+int64(len(decided)) {
				t.Fatalf("version %d after %d and %d events", next.Version, s.Version, len(decided))
			}
			if again, err := booking.Decide(next, c); err == nil && len(again) > 0 {
				t.Fatalf("%#v a second time led to %v", c, again)
			}
			s = next
		}
	})
}

// The fold takes every event in every order without a panic, since what is in the
// log has happened.
func TestFoldIsTotal(t *testing.T) {
	t.Parallel()
	all := []booking.Event{requested(t), started, authorized, confirmed, declined, canceled}
	rapid.Check(t, func(t *rapid.T) {
		picked := rapid.SliceOf(rapid.SampledFrom(all)).Draw(t, "events")
		whole := booking.Fold(booking.State{ID: id}, picked)
		cut := rapid.IntRange(0, len(picked)).Draw(t, "cut")
		parts := booking.Fold(booking.Fold(booking.State{ID: id}, picked[:cut]), picked[cut:])
		if diff := cmp.Diff(whole, parts); diff != "" {
			t.Fatalf("folding in two parts differs (-whole +parts):\n%s", diff)
		}
	})
}
