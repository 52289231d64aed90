package telemetry_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestOnlyAnExactTraceparentCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		value string
		ok    bool
	}{
		"one":                  {parent, true},
		"one not sampled":      {parent[:53] + "00", true},
		"unknown flags":        {parent[:53] + "0f", true},
		"nothing":              {"", false},
		"a trace of zeros":     {"00-" + strings.Repeat("0", 32) + parent[35:], false},
		"a span of zeros":      {parent[:36] + strings.Repeat("0", 16) + parent[52:], false},
		"another version":      {"01" + parent[2:], false},
		"the version for none": {"ff" + parent[2:], false},
		"capital digits":       {strings.ToUpper(parent), false},
		"something behind":     {parent + "-x", false},
		"a line break":         {parent + "\n", false},
		"cut off":              {parent[:54], false},
		"no digits":            {strings.Replace(parent, "4bf9", "4bfg", 1), false},
		"dashes elsewhere":     {strings.Replace(parent, "-", "_", 1), false},
		"a card number":        {"4242424242424242", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, ok := telemetry.ParseTraceparent(test.value)
			if ok != test.ok || c.Valid() != test.ok {
				t.Errorf("%q: %v and %v, want %v", test.value, ok, c.Valid(), test.ok)
			}
			if sent := c.Traceparent(); ok && sent[:53] != test.value[:53] || !ok && sent != "" {
				t.Errorf("%q is sent on as %q", test.value, sent)
			}
		})
	}
}

func TestATraceContextSurvivesItsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := telemetry.TraceContext{Sampled: rapid.Bool().Draw(t, "sampled")}
		copy(c.TraceID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "trace"))
		copy(c.SpanID[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "span"))
		back, ok := telemetry.ParseTraceparent(c.Traceparent())
		if ok != c.Valid() || ok && back != c {
			t.Fatalf("%+v came back as %+v (%v)", c, back, ok)
		}
	})
}
