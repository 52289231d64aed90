package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

type auditCommand struct {
	stackFlag
	planFlags
	Repair bool `help:"Mend what differs, unless it has changed meanwhile."`
	Last   bool `help:"Show the last audit instead of making one."`
}

// Help explains what the one-line help leaves open.
func (auditCommand) Help() string {
	return `Every view is compared with the fold of its stream; views without a stream, leases without a ride and
streams that cannot be read are found, too. The exit code is 3 if anything was, mended or not. The
sweeper makes an audit with repair every day by itself.`
}

// errDifferences ends the program with the exit code for differences, which its output
// has told already.
var errDifferences = errors.New("there are differences")

func (c auditCommand) Run(a *app) error {
	w, err := c.walks(a)
	if err != nil {
		return err
	}
	var state rebuild.State
	if c.Last {
		state, _, err = rebuild.ReadState(a.ctx, w.control)
	} else {
		if err := rebuild.StartAudit(a.ctx, w.control, a.now().UTC(), c.plan(), c.Repair); err != nil {
			return err
		}
		state, err = w.watch(func(s rebuild.State) bool { return s.Audit == nil || s.Audit.Phase == rebuild.Done })
	}
	if err != nil {
		return err
	}
	if a.json {
		err = a.printJSON(state.Audit)
	} else {
		_, err = fmt.Fprint(a.stdout, auditText(state.Audit))
	}
	if err == nil && state.Audit != nil && state.Audit.Counts.Differences > 0 {
		return errDifferences
	}
	return err
}

func auditText(audit *rebuild.Audit) string {
	switch {
	case audit == nil:
		return "There was no audit yet.\n"
	case audit.Phase != rebuild.Done:
		return fmt.Sprintf("The audit that was asked for at %s is %s.\n", audit.Began.Format(time.RFC3339), audit.Phase)
	}
	c := audit.Counts
	return fmt.Sprintf("%d bookings and %d views compared in %s, ended %s: %d differences, %d mended; %d views were late by a moment.\n%s",
		c.Streams, c.Views, audit.Ended.Sub(audit.Began).Round(time.Second), audit.Ended.Format(time.RFC3339), c.Differences, c.Mended, c.Late,
		findingsText(audit.Findings))
}

func findingsText(findings []rebuild.Finding) string {
	var out strings.Builder
	for _, f := range findings {
		what := string(f.Booking)
		if f.Lease != "" {
			what = f.Lease + " " + what
		}
		fmt.Fprintf(&out, "  %-11s %s  stored %d, wanted %d", f.Kind, what, f.Stored, f.Wanted)
		if f.Mended {
			out.WriteString(", mended")
		}
		out.WriteByte('\n')
	}
	return out.String()
}
