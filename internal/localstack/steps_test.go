package localstack

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStepsOffATerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	clock := time.Unix(0, 0)
	steps := NewSteps(&out, 0, func() time.Time { return clock })
	one := steps.Begin("first")
	clock = clock.Add(1500 * time.Millisecond)
	two := steps.Begin("second")
	clock = clock.Add(time.Second)
	one(nil)
	two(errors.New("no"))
	steps.Print("by the way\n")
	steps.Close()
	steps.Close() // twice is fine
	want := `[1] first …
[2] second …
✓ [1] first  2.5 s
✗ [2] second  1.0 s
by the way
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestStepsOnATerminalFitItsWidth(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	clock := time.Unix(0, 0)
	const width = 20
	steps := NewSteps(&out, width, func() time.Time { return clock })
	end := steps.Begin("a step with a rather long name")
	end(nil)
	steps.Close()
	lines := strings.Split(out.String(), "\r\x1b[2K")
	var bottom, ended bool
	for _, line := range lines {
		bottom = bottom || strings.HasPrefix(line, "… a step")
		ended = ended || line == "✓ [1] a step with a rather long name  0.0 s\n"
		if strings.HasPrefix(line, "…") && len([]rune(line)) >= width {
			t.Errorf("bottom line %q has %d characters or more", line, width)
		}
	}
	if !bottom || !ended {
		t.Errorf("got %q", lines)
	}
}
