package localstack

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Steps shows what is being done: a numbered line with the elapsed time for each step
// that ends, and, on a terminal, one line at the bottom that counts the seconds of
// the steps under way. Elsewhere a line is printed when a step begins, too. It is
// safe for concurrent use: steps may overlap.
type Steps struct {
	out      io.Writer
	terminal bool
	width    int
	now      func() time.Time

	mu      sync.Mutex
	count   int
	running []*step
	closed  bool

	stop chan struct{} // closed by Close
}

type step struct {
	number int
	name   string
	began  time.Time
}

// redraw is how often the line at the bottom of a terminal is brought up to date.
const redraw = 200 * time.Millisecond

// NewSteps returns a display on out; width is that of the terminal, or 0 if out is none.
// Close ends it.
func NewSteps(out io.Writer, width int, now func() time.Time) *Steps {
	s := &Steps{out: out, terminal: width > 0, width: width, now: now, stop: make(chan struct{})}
	if s.terminal {
		go s.keepDrawing()
	}
	return s
}

// Close stops drawing.
func (s *Steps) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.stop)
		s.clear()
	}
}

// Begin shows that a step began; the function returned is to be called when it ends.
func (s *Steps) Begin(name string) (end func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	this := &step{number: s.count, name: name, began: s.now()}
	s.running = append(s.running, this)
	if s.terminal {
		s.draw()
	} else {
		fmt.Fprintf(s.out, "[%d] %s …\n", this.number, this.name)
	}
	return func(err error) { s.end(this, err) }
}

// Do runs the function as a step.
func (s *Steps) Do(name string, do func() error) error {
	end := s.Begin(name)
	err := do()
	end(err)
	return err
}

// Print writes lines of text between the steps.
func (s *Steps) Print(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.out, format, args...)
	s.draw()
}

func (s *Steps) end(this *step, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, running := range s.running {
		if running == this {
			s.running = append(s.running[:i], s.running[i+1:]...)
			break
		}
	}
	mark := "✓"
	if err != nil {
		mark = "✗"
	}
	s.clear()
	fmt.Fprintf(s.out, "%s [%d] %s  %.1f s\n", mark, this.number, this.name, s.now().Sub(this.began).Seconds())
	s.draw()
}

func (s *Steps) keepDrawing() {
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			s.draw()
			s.mu.Unlock()
		case <-s.stop:
			return
		}
	}
}

// clear empties the bottom line.
func (s *Steps) clear() {
	if s.terminal {
		fmt.Fprint(s.out, "\r\x1b[2K")
	}
}

// draw writes the bottom line, cut to the width of the terminal.
func (s *Steps) draw() {
	if !s.terminal || len(s.running) == 0 || s.closed {
		return
	}
	var parts []string
	for _, running := range s.running {
		parts = append(parts, fmt.Sprintf("%s %.0f s", running.name, s.now().Sub(running.began).Seconds()))
	}
	line := []rune("… " + strings.Join(parts, " · "))
	fmt.Fprintf(s.out, "\r\x1b[2K%s", string(line[:min(len(line), s.width-1)]))
}
