package rights

import (
	"fmt"
	"slices"
)

// Outcome is what a comparison found.
type Outcome struct {
	Granted, Used, Excused int
	// Wrong is everything that should not be, in words, sorted.
	Wrong []string
}

// Compare holds what is granted against the calls that were seen, and against the list of those that cannot be seen. That
// list may speak of roles which are not there at all.
func Compare(granted []Right, calls []Call, unused []Exception) Outcome {
	excused := map[Right]bool{}
	for _, e := range unused {
		for _, r := range e.Rights {
			excused[r] = true
		}
	}
	o := Outcome{Granted: len(granted)}
	for _, r := range granted {
		used := slices.ContainsFunc(calls, func(c Call) bool { return c.Allowed && r.allows(c) })
		switch {
		case used && excused[r]:
			o.wrong("%s: it was used, and needs no excuse any more", r)
		case used:
			o.Used++
		case excused[r]:
			o.Excused++
		default:
			o.wrong("%s: nobody used it; take it away, or have it used", r)
		}
		delete(excused, r)
	}
	for r := range excused {
		if !slices.ContainsFunc(granted, func(g Right) bool { return g.Role == r.Role }) {
			continue
		}
		o.wrong("%s: it is excused, and not granted", r)
	}
	for _, c := range calls {
		switch granted := slices.ContainsFunc(granted, func(r Right) bool { return r.allows(c) }); {
		case !c.Allowed:
			o.wrong("%s: it was refused", c)
		case !granted:
			o.wrong("%s: it was allowed, and is not granted", c)
		}
	}
	slices.Sort(o.Wrong)
	o.Wrong = slices.Compact(o.Wrong)
	return o
}

func (o *Outcome) wrong(format string, args ...any) {
	o.Wrong = append(o.Wrong, fmt.Sprintf(format, args...))
}
