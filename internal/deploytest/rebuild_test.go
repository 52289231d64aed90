package deploytest

import (
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

// A rebuild waits until no invocation can be left that read the projections before it.
func TestARebuildWaitsLongerThanAnyFunctionRuns(t *testing.T) {
	tpl := load(t)
	for _, function := range tpl.functions() {
		timeout := time.Duration(tpl.number(t, tpl.function(t, function)["Timeout"])) * time.Second
		if rebuild.Wait <= readmodel.PointerTTL+timeout {
			t.Errorf("%s runs for %s, and a rebuild waits for %s", function, timeout, rebuild.Wait)
		}
	}
}

// A slice has a minute for its work at least, whatever it takes to begin and to end.
func TestASliceOfARebuildIsLongEnough(t *testing.T) {
	tpl := load(t)
	if timeout := tpl.number(t, tpl.function(t, "RebuildFunction")["Timeout"]); timeout < 60+30 {
		t.Errorf("RebuildFunction has %d s", timeout)
	}
	for _, e := range tpl.events(t, "RebuildFunction") {
		if got := tpl.number(t, e.properties["BatchSize"]); got != 1 {
			t.Errorf("%s: BatchSize %d, want 1: a segment has the whole time", e.name, got)
		}
	}
}
