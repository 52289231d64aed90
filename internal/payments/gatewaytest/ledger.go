package gatewaytest

import (
	"time"

	"github.com/hailstone-rides/hailstone/internal/payments"
)

// Entry is one payment object as an auditor of the Fake sees it.
type Entry struct {
	payments.Payment
	// EverHeld is the amount that was held at some time, OpenHold tells whether
	// it still is.
	EverHeld   int64
	OpenHold   bool
	Refunds    []payments.RefundObject
	Disputes   []payments.Dispute
	Operations []Operation
}

// Operation is one call that reached the provider's object.
type Operation struct {
	Call
	At time.Time
	// Result is ok, replayed, or the code of the error.
	Result string
}

// Ledger is every object, oldest first. It shares no memory with the Fake.
func (f *Fake) Ledger() []Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Now()
	entries := make([]Entry, 0, len(f.order))
	for _, p := range f.order {
		p.lapse(now)
		entries = append(entries, Entry{
			Payment: p.Payment, EverHeld: p.everHeld, OpenHold: p.Status == payments.StatusAuthorized,
			Refunds: values(p.refunds), Disputes: values(p.disputes),
			Operations: append([]Operation{}, p.operations...),
		})
	}
	return entries
}

func (p *object) record(c Call, now time.Time, err *payments.Error) {
	if c.Op.reads() {
		return
	}
	result := "ok"
	if err != nil {
		result = err.Code
	}
	p.operations = append(p.operations, Operation{Call: c, At: now, Result: result})
}
