package httpapi_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// HEAD is answered wherever GET is, for every caller alike, and without a body.
func TestHeadIsAnsweredAsGet(t *testing.T) {
	t.Parallel()
	for _, route := range slices.Sorted(maps.Keys(matrix)) {
		if !strings.HasPrefix(route, http.MethodGet) {
			continue
		}
		for _, column := range columns {
			w := newWorld(t)
			r, _ := w.example(route)
			w.headsAs(r.from(column.by))
		}
	}
	w := newWorld(t)
	id := w.booked(reaching("confirmed"))
	w.headsAs(read(alice, at(id)).with("If-None-Match", `"4"`))
	w.headsAs(read(alice, at(id)).asking("min_version=99"))
	w.headsAs(read(alice, at(id)).asking("x=1"))
}

// headsAs checks that a HEAD gets the status and the header of the GET, and no body.
func (w *world) headsAs(get request) {
	w.Helper()
	want := w.send(get)
	want.body = ""
	head := get
	head.method = http.MethodHead
	if diff := cmp.Diff(want, w.send(head), cmp.AllowUnexported(answer{})); diff != "" {
		w.Errorf("HEAD %s (-as GET +got):\n%s", get.target, diff)
	}
}
