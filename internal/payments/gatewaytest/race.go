package gatewaytest

import (
	"fmt"
	"sync"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

const callers = 8

// atOnce runs call in several goroutines and returns who succeeded. All others
// must have been told that the outcome is unknown.
func (s *suite) atOnce(call func(i int) (payments.Payment, error)) map[int]payments.Payment {
	s.Helper()
	var (
		wg    sync.WaitGroup
		start = make(chan struct{})
		ps    [callers]payments.Payment
		errs  [callers]error
	)
	for i := range callers {
		wg.Go(func() {
			<-start
			ps[i], errs[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	winners := map[int]payments.Payment{}
	for i, err := range errs {
		if err == nil {
			winners[i] = ps[i]
			continue
		}
		s.fails(fmt.Sprintf("caller %d", i), err, resilience.Unknown)
	}
	return winners
}

func concurrentCreates(s *suite) {
	refs := map[string]bool{}
	winners := s.atOnce(func(int) (payments.Payment, error) {
		return s.Gateway.Create(s.Context(), order(works), "one-key")
	})
	for _, p := range winners {
		refs[p.Ref] = true
	}
	if len(refs) != 1 {
		s.Errorf("objects: %v", refs)
	}
}

func concurrentConfirms(s *suite) {
	ref := s.created(works).Ref
	winners := s.atOnce(func(int) (payments.Payment, error) {
		return s.Gateway.Confirm(s.Context(), ref, "one-key")
	})
	if len(winners) == 0 {
		s.Error("nobody succeeded")
	}
	for _, p := range winners {
		s.is(p, payment(ref, payments.StatusAuthorized))
	}
}

func captureAgainstCancel(s *suite) {
	ref := s.confirmed().Ref
	winners := s.atOnce(func(i int) (payments.Payment, error) {
		key := fmt.Sprintf("own-%d", i)
		if i%2 == 0 {
			return s.Gateway.Cancel(s.Context(), ref, key)
		}
		return s.Gateway.Capture(s.Context(), ref, 1000+int64(i), key)
	})
	if len(winners) != 1 {
		s.Fatalf("%d callers succeeded", len(winners))
	}
	for i, p := range winners {
		want := payment(ref, payments.StatusCanceled)
		if i%2 == 1 {
			want = payment(ref, payments.StatusCaptured)
			want.Captured = 1000 + int64(i)
		}
		s.is(p, want)
	}
}

func concurrentObjects(s *suite) {
	winners := s.atOnce(func(i int) (payments.Payment, error) {
		ctx, key := s.Context(), fmt.Sprintf("own-%d-", i)
		o := order(works)
		o.BookingID, o.Amount = fmt.Sprintf("bk_%d", i), 1000+int64(i)
		p, err := s.Gateway.Create(ctx, o, key+"create")
		if err != nil {
			return p, err
		}
		if p, err = s.Gateway.Confirm(ctx, p.Ref, key+"confirm"); err != nil {
			return p, err
		}
		return s.Gateway.Capture(ctx, p.Ref, 500+int64(i), key+"capture")
	})
	if len(winners) != callers {
		s.Errorf("%d of %d succeeded", len(winners), callers)
	}
	for i, p := range winners {
		if p.BookingID != fmt.Sprintf("bk_%d", i) || p.Amount != 1000+int64(i) || p.Captured != 500+int64(i) {
			s.Errorf("caller %d got %+v", i, p)
		}
	}
}
