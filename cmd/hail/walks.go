package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// walks is where rebuilds and audits of a stack are asked for and watched. The sweeper
// advances them; nothing here does.
type walks struct {
	*app
	control control.Store
	// commits is about how many the log has, as the table tells now and then; 0 where
	// that is not known.
	commits int64
}

func (f stackFlag) walks(a *app) (walks, error) {
	s, err := f.open(a.ctx)
	if err != nil {
		return walks{}, err
	}
	table, err := s.output("ControlTableName")
	if err != nil {
		return walks{}, err
	}
	log, err := s.output("EventsTableName")
	if err != nil {
		return walks{}, err
	}
	db := dynamodb.NewFromConfig(s.config)
	w := walks{app: a, control: dynamocontrol.New(db, table)}
	if described, err := db.DescribeTable(a.ctx, &dynamodb.DescribeTableInput{TableName: &log}); err == nil && described.Table.ItemCount != nil {
		w.commits = *described.Table.ItemCount // without it there is no estimate, and no harm
	}
	return w, nil
}

// planFlags are how a walk over the log is divided and paced.
type planFlags struct {
	Segments int `help:"Parts of the log that are worked on side by side." default:"8" placeholder:"N"`
	Rate     int `help:"Most bookings a second, all parts together; 0 for as fast as it goes." default:"0" placeholder:"N"`
}

func (p planFlags) plan() rebuild.Plan { return rebuild.Plan{Segments: p.Segments, Rate: p.Rate} }

const lookEvery = time.Second

// watch shows how far things are until over says that they are at an end, and returns
// the state of then. Whatever is watched goes on without being watched.
func (w walks) watch(over func(rebuild.State) bool) (rebuild.State, error) {
	line := progressLine{out: w.stderr, wide: w.terminal()}
	defer line.end()
	for {
		state, _, err := rebuild.ReadState(w.ctx, w.control)
		if err != nil {
			return state, err
		}
		text, err := w.progress(w.ctx, state)
		if err != nil {
			return state, err
		}
		line.show(text, w.now())
		if over(state) {
			return state, nil
		}
		select {
		case <-w.ctx.Done():
			return state, context.Cause(w.ctx)
		case <-time.After(lookEvery):
		}
	}
}

// progress is what is under way, in a line.
func (w walks) progress(ctx context.Context, s rebuild.State) (string, error) {
	var text string
	switch {
	case s.Rebuild != nil && s.Rebuild.Phase != rebuild.Done:
		text = fmt.Sprintf("rebuild of projection %d: %s", s.Rebuild.Target, s.Rebuild.Phase)
	case s.Audit != nil && s.Audit.Phase != rebuild.Done:
		text = "audit: " + string(s.Audit.Phase)
	default:
		return "nothing is under way", nil
	}
	if s.Run == nil {
		return text, nil
	}
	all, err := rebuild.ReadAllProgress(ctx, w.control, *s.Run)
	if err != nil {
		return "", err
	}
	return text + "  " + describe(all, w.commits, w.now()), nil
}

// describe tells how far a walk is: a bar of its segments, what was met, how fast, and
// how long it may still take.
func describe(all []rebuild.Progress, commits int64, now time.Time) string {
	counts, _, over := rebuild.Sum(all)
	var bar strings.Builder
	var began time.Time
	for _, p := range all {
		switch {
		case p.Over():
			bar.WriteByte('#')
		case p.Slices > 0:
			bar.WriteByte('-')
		default:
			bar.WriteByte('.')
		}
		if !p.Began.IsZero() && (began.IsZero() || p.Began.Before(began)) {
			began = p.Began
		}
	}
	text := fmt.Sprintf("[%s] %d of %d parts, %d bookings", bar.String(), over, len(all), counts.Streams)
	took := now.Sub(began)
	if began.IsZero() || took < time.Second || counts.Streams == 0 {
		return text
	}
	text += fmt.Sprintf(", %.0f/s", float64(counts.Streams)/took.Seconds())
	if left := commits - counts.Commits; left > 0 && counts.Commits > 0 && over < len(all) {
		eta := time.Duration(float64(took) * float64(left) / float64(counts.Commits))
		text += fmt.Sprintf(", about %s left", eta.Round(time.Second))
	}
	return text
}

// progressLine rewrites one line of a terminal; elsewhere it writes a new one where the
// text has changed, every ten seconds at most.
type progressLine struct {
	out   io.Writer
	wide  bool
	shown string
	at    time.Time
}

func (l *progressLine) show(text string, now time.Time) {
	switch {
	case text == l.shown:
		return
	case l.wide:
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
	case phase(text) == phase(l.shown) && now.Sub(l.at) < 10*time.Second:
		return
	default:
		fmt.Fprintln(l.out, text)
	}
	l.shown, l.at = text, now
}

func phase(text string) string {
	before, _, _ := strings.Cut(text, "  ")
	return before
}

func (l *progressLine) end() {
	if l.wide && l.shown != "" {
		fmt.Fprintln(l.out)
	}
}
