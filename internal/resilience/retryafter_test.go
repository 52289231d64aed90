package resilience_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(1994, time.November, 6, 8, 49, 7, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"0": 0, "120": 2 * time.Minute, " 7\t": 7 * time.Second, "007": 7 * time.Second,
		"86401": 24 * time.Hour, "99999999999999999999999": 24 * time.Hour,
		"Sun, 06 Nov 1994 08:49:37 GMT":  30 * time.Second,
		"Sunday, 06-Nov-94 08:49:37 GMT": 30 * time.Second,
		"Sun Nov  6 08:49:37 1994":       30 * time.Second,
		"Sun, 06 Nov 1994 08:49:00 GMT":  0,
		"Sun, 06 Nov 2994 08:49:37 GMT":  24 * time.Hour,
	} {
		if got, ok := resilience.ParseRetryAfter(value, now); got != want || !ok {
			t.Errorf("%q: %s, %v; want %s", value, got, ok, want)
		}
	}
	for _, value := range []string{"", " ", "-1", "+1", "1.5", "1s", "soon", "٣", "Sun, 06 Nov 1994 08:49:37 CET"} {
		if got, ok := resilience.ParseRetryAfter(value, now); got != 0 || ok {
			t.Errorf("%q: %s, %v; want nothing", value, got, ok)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "1", "120", "-5", "1e9", "99999999999999999999", "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		f.Add(seed, int64(784111777))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		now := time.Unix(unix%(1<<40), 0).UTC()
		got, ok := resilience.ParseRetryAfter(value, now)
		if got < 0 || got > 24*time.Hour || !ok && got != 0 {
			t.Fatalf("%q: %s, %v", value, got, ok)
		}
		if n, err := strconv.ParseUint(value, 10, 16); err == nil && (!ok || got != time.Duration(n)*time.Second) {
			t.Fatalf("%q: %s, %v; want %d s", value, got, ok, n)
		}
	})
}
