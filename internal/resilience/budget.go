package resilience

import "sync/atomic"

// Budget bounds retries to a share of the successes, so that they cannot multiply
// the load on a dependency that fails. Nobody refills it by waiting: where nothing
// succeeds, retries stop. It belongs to a process, not to a call or invocation,
// and is safe for concurrent use.
//
// It starts with few tokens on purpose. A thousand fresh processes that meet an
// outage with full pockets would send it a thousand times what is in them.
type Budget struct {
	thousandths atomic.Int64
	most        int64
	perSuccess  int64
}

const token = 1000 // in thousandths

// NewBudget returns a Budget of start retries, which each success raises by
// perSuccess, a share of one retry, up to most.
func NewBudget(start, most int, perSuccess float64) *Budget {
	b := &Budget{most: int64(most) * token, perSuccess: int64(perSuccess * token)}
	b.thousandths.Store(min(int64(start)*token, b.most))
	return b
}

// take pays for one retry and reports whether there was enough.
func (b *Budget) take() bool {
	for {
		have := b.thousandths.Load()
		if have < token {
			return false
		}
		if b.thousandths.CompareAndSwap(have, have-token) {
			return true
		}
	}
}

// earn adds the share of one success.
func (b *Budget) earn() {
	for {
		have := b.thousandths.Load()
		sum := min(have+b.perSuccess, b.most)
		if sum == have || b.thousandths.CompareAndSwap(have, sum) {
			return
		}
	}
}
