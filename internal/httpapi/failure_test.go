package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

func TestTheStoresFail(t *testing.T) {
	t.Parallel()
	lost := fmt.Errorf("load booking/bk_secret: %w: table arn:aws:dynamodb:secret", events.ErrUnavailable)
	corrupt := fmt.Errorf("load booking/bk_secret: %w: secret", events.ErrCorrupt)
	for name, test := range map[string]struct {
		err    error
		status int
		code   booking.Code
		level  string
	}{
		"the log is unavailable": {lost, 503, httpapi.CodeUnavailable, "level=WARN"},
		"the stream is corrupt":  {corrupt, 500, httpapi.CodeInternal, "level=ERROR"},
		"nobody knows what":      {errors.New("secret"), 500, httpapi.CodeInternal, "level=ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
			w.log.loadErr, w.log.appendErr = test.err, test.err
			for _, r := range []request{read(alice, at(made.ID)), read(alice, at(made.ID)+"/events"), book(alice, "k2", ride)} {
				w.logged.Reset()
				w.fails(r, test.status, test.code)
				if got := w.logged.String(); strings.Count(got, test.level) != 1 || !strings.Contains(got, "secret") {
					t.Errorf("%s %s logs %q, want one line of %s with the error", r.method, r.target, got, test.level)
				}
			}
		})
	}
}

// fails checks that a request fails on our side, and that the answer tells
// nothing of what is inside.
func (w *world) fails(r request, status int, code booking.Code) {
	w.Helper()
	a := w.send(r)
	p := w.problem(a)
	if a.code != status || p.Code != string(code) || p.Instance != "req-1" {
		w.Errorf("%s %s → %d %s, want %d %s of req-1", r.method, r.target, a.code, a.body, status, code)
	}
	if strings.Contains(a.body+fmt.Sprint(a.header), "secret") {
		w.Errorf("%s %s tells what is inside: %v %s", r.method, r.target, a.header, a.body)
	}
	retry := ""
	if status == http.StatusServiceUnavailable {
		retry = "1"
	}
	if got := a.header.Get("Retry-After"); got != retry {
		w.Errorf("%s %s → %d with Retry-After %q, want %q", r.method, r.target, status, got, retry)
	}
}

func TestAPanicIsAnAnswerToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	w.views.panics = true
	w.fails(read(alice, at(made.ID)), http.StatusInternalServerError, httpapi.CodeInternal)
	if got := w.logged.String(); !strings.Contains(got, "level=ERROR msg=panic") || !strings.Contains(got, "out of luck") || !strings.Contains(got, "world_test.go") {
		t.Errorf("the log is %q, want the panic with its stack", got)
	}
	w.views.panics = false
	w.must(read(alice, at(made.ID)), http.StatusOK)
}

// A problem carries nothing of the success that it was to be.
func TestAnAnswerThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.must(book(alice, "k1", ride), http.StatusCreated)
	made.Product = "\xff" // no JSON
	w.views.forged = &made
	a := w.send(read(alice, at(made.ID)))
	w.problem(a)
	want := http.Header{"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}}
	if diff := cmp.Diff(want, a.header); a.code != http.StatusInternalServerError || diff != "" {
		t.Errorf("%d, header (-want +got):\n%s", a.code, diff)
	}
}
