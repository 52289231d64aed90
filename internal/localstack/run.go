package localstack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/toolbox/procgroup"
)

// command is a program that runs to its end with its output in a log.
type command struct {
	dir  string
	log  string
	env  []string
	args []string
}

// run runs the command. Its error names the log and quotes its end.
func run(ctx context.Context, c command) error {
	out, err := os.Create(c.log)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	cmd := procgroup.Command(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s: %w; its output is in %s and ends with:\n%s", filepath.Base(c.args[0]), err, c.log, tail(c.log, 12))
	}
	return nil
}

// tail returns the last lines of a file that are not blank.
func tail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-lines):], "\n")
}
