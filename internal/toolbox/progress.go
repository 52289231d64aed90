package toolbox

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Progress is told when a step begins; the function that it returns is called
// once when the step ends, with its error. It must be safe for concurrent use.
type Progress func(step string) (done func(error))

// Silent reports nothing.
func Silent(string) func(error) { return func(error) {} }

// Lines reports each step on w as one line when it begins and one with the elapsed
// time when it ends, which reads well on a terminal and in a log.
func Lines(w io.Writer, now func() time.Time) Progress {
	var mu sync.Mutex
	write := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, format, args...)
	}
	return func(step string) func(error) {
		began := now()
		write("tools: %s …\n", step)
		return func(err error) {
			result := "done"
			if err != nil {
				result = "failed"
			}
			write("tools: %s: %s in %.1f s\n", step, result, now().Sub(began).Seconds())
		}
	}
}
