package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// block is a piece of a file without branches.
type block struct {
	fromLine, fromColumn, toLine, toColumn int
	statements                             int
	ran                                    bool
}

// coverage is what the simulator executes, by file.
type coverage map[string][]block

// parseCoverage reads a profile of the go tool.
func parseCoverage(profile []byte) (coverage, error) {
	const module = "github.com/hailstone-rides/hailstone/"
	c := coverage{}
	lines := bufio.NewScanner(bytes.NewReader(profile))
	for lines.Scan() {
		name, rest, ok := strings.Cut(lines.Text(), ":")
		if !ok || name == "mode" {
			continue
		}
		var b block
		var count int
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.fromLine, &b.fromColumn, &b.toLine, &b.toColumn, &b.statements, &count); err != nil {
			return nil, fmt.Errorf("coverage %q: %w", lines.Text(), err)
		}
		b.ran = count > 0
		name = strings.TrimPrefix(name, module)
		c[name] = append(c[name], b)
	}
	return c, lines.Err()
}

// share is how much of all statements was executed.
func (c coverage) share() float64 {
	var ran, all int
	for _, blocks := range c {
		for _, b := range blocks {
			all += b.statements
			if b.ran {
				ran += b.statements
			}
		}
	}
	return float64(ran) / float64(max(1, all))
}

// has tells whether a mutant's place was executed. A declaration is in no block, and
// counts as executed.
func (c coverage) has(m mutant) bool {
	within := false
	for _, b := range c[m.file] {
		if !b.holds(m.line, m.column) {
			continue
		}
		if b.ran {
			return true
		}
		within = true
	}
	return !within
}

func (b block) holds(line, column int) bool {
	after := line > b.fromLine || line == b.fromLine && column >= b.fromColumn
	return after && (line < b.toLine || line == b.toLine && column <= b.toColumn)
}
