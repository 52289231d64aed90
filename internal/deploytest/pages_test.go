package deploytest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// document returns a page of docs/.
func document(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// says expects a sentence in a page of docs/.
func says(t *testing.T, page, sentence string) {
	t.Helper()
	if !strings.Contains(document(t, page), sentence) {
		t.Errorf("docs/%s does not say: %s", page, sentence)
	}
}

// section returns the rows of the table below a heading of a page, without its head.
func section(t *testing.T, page, heading string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut(document(t, page), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/%s has no section %q", page, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var rows [][]string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "|") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	const head = 2
	if len(rows) <= head {
		t.Fatalf("section %q of docs/%s has no table", heading, page)
	}
	return rows[head:]
}

// grouped writes a whole number with commas.
func grouped(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
