package deploytest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The table of how functions run, in docs/ARCHITECTURE.md, is read from the template: only its reasons are written by hand.
func TestTheTableOfFunctionsIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	tpl := load(t).at(t, "prod", "ReserveConcurrency=true", withBus)
	rows := 0
	for _, function := range tpl.functions() {
		row := tpl.operating(t, function)
		for line := range strings.Lines(string(text)) {
			if reason, ok := strings.CutPrefix(line, row); ok {
				rows++
				if len(strings.Fields(reason)) < 8 {
					t.Errorf("%s: why so?", function)
				}
			}
		}
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/ARCHITECTURE.md has no row that begins with\n%s", row)
		}
	}
	if rows != len(tpl.functions()) {
		t.Errorf("%d rows for %d functions", rows, len(tpl.functions()))
	}
}

// operating is a row of that table without its reason.
func (tpl template) operating(t *testing.T, function string) string {
	t.Helper()
	properties := tpl.function(t, function)
	batch, visibility, concurrency := "–", "–", []string{}
	for _, e := range tpl.events(t, function) {
		switch e.kind {
		case "DynamoDB":
			batch = fmt.Sprint(e.properties["BatchSize"])
			concurrency = append(concurrency, fmt.Sprintf("%v per shard", e.properties["ParallelizationFactor"]))
		case "SQS":
			batch = fmt.Sprint(e.properties["BatchSize"])
			queue := strings.TrimSuffix(name(e.properties["Queue"]), ".Arn")
			visibility = fmt.Sprintf("%v s", tpl.properties(t, queue, "AWS::SQS::Queue")["VisibilityTimeout"])
			concurrency = append(concurrency, fmt.Sprintf("at most %v", dig(t, e.properties, "ScalingConfig", "MaximumConcurrency")))
		}
	}
	if reserved := properties["ReservedConcurrentExecutions"]; reserved != nil {
		concurrency = append(concurrency, fmt.Sprintf("reserved %v", reserved))
	}
	if len(concurrency) == 0 {
		concurrency = append(concurrency, "as requests come")
	}
	slices.Sort(concurrency)
	return fmt.Sprintf("| %s | %v s | %v MB | %s | %s | %s | ", source(function), properties["Timeout"], properties["MemorySize"],
		batch, visibility, strings.Join(concurrency, ", "))
}
