package sim

import (
	"fmt"
	"strings"
	"time"
)

// aboutLists is what sentences are about that would drown the others.
const aboutLists = "lists"

// Line is one sentence of a story.
type Line struct {
	At    time.Duration
	About string // a booking or its stream; empty for everybody's concern
	Text  string
}

// tell adds a sentence to the story, if it is told.
func (w *World) tell(about, format string, args ...any) {
	if w.story {
		w.result.Story = append(w.result.Story, Line{
			At: time.Since(w.began), About: strings.TrimPrefix(about, "booking/"), Text: fmt.Sprintf(format, args...),
		})
	}
}

func (w *World) since(t time.Time) string { return clock(t.Sub(w.began)) }

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d:%06.3f", int(d.Hours()), int(d.Minutes())%60, d.Seconds()-60*float64(int(d.Minutes())))
}

// Tell returns the part of a story that a violation is about.
func (r Result) Tell() string {
	var b strings.Builder
	names := map[string]string{}
	for _, l := range r.Story {
		if l.About == aboutLists && r.Violation != nil {
			continue
		}
		if l.About == "" || r.Violation == nil || r.Violation.Booking == "" || l.About == string(r.Violation.Booking) ||
			strings.Contains(l.Text, string(r.Violation.Booking)) {
			fmt.Fprintf(&b, "%s  %s\n", clock(l.At), shorten(l.Text, names))
		}
	}
	return b.String()
}

// shorten gives bookings names that can be told apart at a glance.
func shorten(text string, names map[string]string) string {
	const length = len("bk_") + 32
	for from := 0; ; {
		i := strings.Index(text[from:], "bk_")
		if i < 0 || len(text) < from+i+length {
			return text
		}
		id := text[from+i : from+i+length]
		if names[id] == "" {
			names[id] = fmt.Sprintf("<booking %d>", len(names)+1)
		}
		text = strings.ReplaceAll(text, id, names[id])
		from += i
	}
}
