package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// Whatever is wrong with the form of a request, every write says what, stores
// nothing, and leaves the key free.
func TestBadInputToEveryWrite(t *testing.T) {
	t.Parallel()
	body := func(text string) func(request) request {
		return func(r request) request { return r.saying(text) }
	}
	header := func(name string, values ...string) func(request) request {
		return func(r request) request { return r.with(name, values...) }
	}
	for name, test := range map[string]struct {
		spoil  func(request) request
		status int
		code   booking.Code
	}{
		"a megabyte":      {body(`{"reason":"` + strings.Repeat("x", 1<<20) + `"}`), 413, httpapi.CodeTooLarge},
		"a byte too many": {body(strings.Repeat(" ", 16<<10+1)), 413, httpapi.CodeTooLarge},
		"a form": {func(r request) request {
			return r.saying("reason=x").with("Content-Type", "application/x-www-form-urlencoded")
		}, 415, httpapi.CodeUnsupportedMedia},
		"no content type": {func(r request) request { return r.saying("{}").with("Content-Type") }, 415, httpapi.CodeUnsupportedMedia},
		"another charset": {func(r request) request {
			return r.saying("{}").with("Content-Type", "application/json; charset=utf-16")
		}, 415, httpapi.CodeUnsupportedMedia},
		"blanks":                   {body(" \n"), 400, httpapi.CodeMalformed},
		"half a body":              {body(`{"reason":`), 400, httpapi.CodeMalformed},
		"two bodies":               {body(`{}{}`), 400, httpapi.CodeMalformed},
		"a field twice":            {body(`{"reason":"x","reason":"x"}`), 400, httpapi.CodeMalformed},
		"a field twice, escaped":   {body(`{"reason":"x","\u0072eason":"x"}`), 400, httpapi.CodeMalformed},
		"not a number":             {body(`{"distance_m":NaN}`), 400, httpapi.CodeMalformed},
		"infinity":                 {body(`{"distance_m":Infinity}`), 400, httpapi.CodeMalformed},
		"a lone surrogate":         {body(`{"reason":"\ud800"}`), 400, httpapi.CodeMalformed},
		"invalid UTF-8":            {body("{\"reason\":\"\xff\"}"), 400, httpapi.CodeMalformed},
		"a bare control character": {body("{\"reason\":\"\x01\"}"), 400, httpapi.CodeMalformed},
		"an unknown field":         {body(`{"tip":1}`), 400, httpapi.CodeMalformed},
		"a field of the server":    {body(`{"actor":"ops/x"}`), 400, httpapi.CodeMalformed},
		"replaced text":            {body("{\"reason\":\"\ufffd\"}"), 400, httpapi.CodeMalformed},
		"two content types": {func(r request) request {
			return r.saying("{}").with("Content-Type", "application/json,application/json")
		}, 400, httpapi.CodeMalformed},
		"a compressed body":       {func(r request) request { return r.saying("{}").with("Content-Encoding", "gzip") }, 415, httpapi.CodeUnsupportedMedia},
		"the key twice, joined":   {header("Idempotency-Key", "k1,k1"), 400, httpapi.CodeMalformed},
		"the key in two lines":    {header("Idempotency-Key", "k1", "k1"), 400, httpapi.CodeMalformed},
		"a quoted key twice":      {header("Idempotency-Key", `"k1","k1"`), 400, httpapi.CodeMalformed},
		"a key and nothing":       {header("Idempotency-Key", "k1,"), 400, httpapi.CodeMalformed},
		"nothing and a key":       {header("Idempotency-Key", ",k1"), 400, httpapi.CodeMalformed},
		"a list":                  {body(`[]`), 422, booking.CodeValidationFailed},
		"null":                    {body(`null`), 422, booking.CodeValidationFailed},
		"no key":                  {header("Idempotency-Key"), 400, httpapi.CodeMissingKey},
		"an empty key":            {header("Idempotency-Key", ""), 400, httpapi.CodeMissingKey},
		"an empty quoted key":     {header("Idempotency-Key", `""`), 400, httpapi.CodeMalformed},
		"a key of 256 characters": {header("Idempotency-Key", strings.Repeat("k", 256)), 400, httpapi.CodeMalformed},
		"a key with a control":    {header("Idempotency-Key", "a\x01b"), 400, httpapi.CodeMalformed},
		"a key with a DEL":        {header("Idempotency-Key", "a\x7f"), 400, httpapi.CodeMalformed},
		"a key beyond ASCII":      {header("Idempotency-Key", "ключ"), 400, httpapi.CodeMalformed},
		"a query":                 {func(r request) request { return r.asking("dry_run=true") }, 400, httpapi.CodeMalformed},
		"a malformed query":       {func(r request) request { return r.asking("%zz") }, 400, httpapi.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachWrite(t, func(w *world, wr write) {
				id := wr.ready(w)
				before := w.commits(id)
				p := w.refused(test.spoil(wr.request(id, "write")), test.status, test.code)
				if (p.Errors != nil) != (test.status == http.StatusUnprocessableEntity) {
					w.Errorf("errors: %v", p.Errors)
				}
				w.stores(id, before)
				w.granted(wr, id, "write")
			})
		})
	}
}

// The longest key there may be is a key like any other.
func TestTheLongestKeyForEveryWrite(t *testing.T) {
	t.Parallel()
	forEachWrite(t, func(w *world, wr write) {
		if wr.verb == "" {
			return // see TestTheSameKeyInAllItsForms
		}
		id, key := wr.ready(w), strings.Repeat("~", 255)
		first := w.granted(wr, id, key)
		w.replays(wr.request(id, `"`+key+`"`), first)
	})
}
