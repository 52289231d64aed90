package status

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// Text is the report as an operator reads it.
func (r Report) Text() string {
	var out strings.Builder
	if len(r.Queues) > 0 {
		table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "QUEUE\tWAITING\tIN FLIGHT\tDELAYED\tDEAD\tOLDEST, 15 MIN")
		for _, q := range r.Queues {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\n", q.Name, q.Waiting, q.InFlight, q.Delayed, q.Dead, r.oldest(q.Name))
		}
		_ = table.Flush() // into memory
	}
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	if v := r.Views; v != nil {
		fmt.Fprintf(table, "views\t%d of the %d newest bookings behind the log%s\n", v.Behind, v.Looked, by(v.Behind, v.Oldest))
	}
	if m := r.Metrics; m != nil {
		fmt.Fprintf(table, "lag\tprojection %s (p99), relay %s, in 15 min\n", known(m.ProjectionLag), known(m.IteratorAge))
	}
	if b := r.Breaker; b != nil {
		fmt.Fprintf(table, "breaker\t%s, %s\n", b.State, b.Mode)
	}
	if p := r.Payments; p != nil {
		fmt.Fprintf(table, "payments\t%d wait%s\n", p.Count, by(p.Count, p.Oldest))
	}
	if o := r.Overdue; o != nil {
		fmt.Fprintf(table, "deadlines\t%d overdue%s\n", o.Count, by(o.Count, o.Oldest))
	}
	if f := r.Failed; f != nil {
		fmt.Fprintf(table, "failed\t%d payments wait for an operator%s\n", f.Count, by(f.Count, f.Oldest))
	}
	if s := r.Projections; s != nil {
		fmt.Fprintf(table, "projections\t%s\n", projectionsText(*s, r.At))
	}
	_ = table.Flush()
	for _, text := range r.Unknown {
		fmt.Fprintf(&out, "NOT KNOWN  %s\n", text)
	}
	for _, text := range r.Attention {
		fmt.Fprintf(&out, "ATTENTION  %s\n", text)
	}
	if len(r.Unknown)+len(r.Attention) == 0 {
		out.WriteString("Nothing needs attention.\n")
	}
	return out.String()
}

func (r Report) oldest(queue string) string {
	switch {
	case r.Metrics == nil:
	case queue == "projection":
		return known(r.Metrics.OldestHint)
	case queue == "payments":
		return known(r.Metrics.OldestPayment)
	}
	return "-"
}

func known(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return time.Duration(*seconds * float64(time.Second)).Round(10 * time.Millisecond).String()
}

// by is the age of the oldest of some, if there are any.
func by(count int, oldest float64) string {
	if count == 0 {
		return ""
	}
	return ", the oldest for " + age(oldest)
}

func projectionsText(s rebuild.State, now time.Time) string {
	text := fmt.Sprintf("%d is read", s.Active)
	if s.Feeding != 0 {
		text += fmt.Sprintf(", %d is fed, too", s.Feeding)
	}
	if b := s.Rebuild; b != nil && b.Phase != rebuild.Done {
		text += fmt.Sprintf("; rebuild of %d: %s", b.Target, b.Phase)
	}
	switch a := s.Audit; {
	case a == nil:
		text += "; no audit yet"
	case a.Phase != rebuild.Done:
		text += fmt.Sprintf("; audit: %s", a.Phase)
	default:
		text += fmt.Sprintf("; last audit %s ago: %d views, %d differences, %d mended", age(now.Sub(a.Ended).Seconds()), a.Counts.Views, a.Counts.Differences, a.Counts.Mended)
	}
	return text
}
