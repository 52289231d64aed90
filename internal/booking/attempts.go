package booking

import "time"

// maxGroups is how many groups of attempts an operation gets.
const maxGroups = 5

// groupLasts is how long an operation stays in each of its groups, once the keys of
// the group are known to fail: not at all in the first, since one stored failure
// happens, and then longer and longer, so that all of them outlast an outage of ten
// minutes, and an authorization is given up not long before its booking expires.
var groupLasts = [maxGroups]time.Duration{0, time.Minute, 4 * time.Minute, 10 * time.Minute, 10 * time.Minute}

// ReasonSpent is the failure of an operation whose attempts are used up.
const ReasonSpent = "attempts_spent"

// Attempts are what was tried at an operation, in groups: the provider may keep a
// failure under the idempotency keys of one, and each group has keys of its own.
type Attempts struct {
	// Spent counts the groups that were given up.
	Spent int
	// Since is when the present group began; zero for the first.
	Since time.Time
}

func (a Attempts) spend(at time.Time) Attempts { return Attempts{Spent: a.Spent + 1, Since: at} }

// Last tells whether there is no other group after the present one.
func (a Attempts) Last() bool { return a.Spent+1 >= maxGroups }

// Ripe tells whether the present group may be given up at an instant.
func (a Attempts) Ripe(at time.Time) bool {
	return !at.Before(a.Since.Add(groupLasts[min(a.Spent, maxGroups-1)]))
}

// Attempts returns what was tried at an operation on the payment itself.
func (p Payment) Attempts(o Operation) Attempts {
	if a := p.attempts(o); a != nil {
		return *a
	}
	return Attempts{}
}

func (p *Payment) attempts(o Operation) *Attempts {
	switch o {
	case OperationAuthorize:
		return &p.Authorizing
	case OperationCapture:
		return &p.Capturing
	case OperationVoid:
		return &p.Voiding
	default:
		return nil
	}
}
