package resilience

import (
	"strconv"
	"strings"
	"time"
)

// RetryAfter is an error that knows how long its dependency asked to wait.
type RetryAfter interface {
	error
	Wait() time.Duration
}

// longestRetryAfter is what a longer wait is taken for. Nobody waits for a day, so
// more would only overflow.
const longestRetryAfter = 24 * time.Hour

// ParseRetryAfter reads the value of a Retry-After header: seconds, or a date in
// one of the three formats that RFC 9110 (sections 10.2.3 and 5.6.7) has
// recipients accept. The wait is from 0, also for a date that has passed, to 24
// hours. It reports whether the value was one.
func ParseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.Trim(value, " \t")
	if isDigits(value) {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(longestRetryAfter/time.Second) {
			return longestRetryAfter, true // so many digits are many seconds
		}
		return time.Duration(seconds) * time.Second, true
	}
	for _, layout := range []string{
		"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC,
	} {
		if at, err := time.Parse(layout, value); err == nil {
			return min(max(at.Sub(now), 0), longestRetryAfter), true
		}
	}
	return 0, false
}

func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
