package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Page sizes of lists.
const (
	defaultLimit = 20
	maxLimit     = 100
)

// knownParams returns the query, unless it holds a parameter that the route does
// not know, or one of them twice.
func knownParams(r *http.Request, known ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem(CodeMalformed, "The query is malformed.")
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			return nil, problem(CodeMalformed, "The query has an unknown parameter.")
		}
		if len(values) > 1 {
			return nil, problem(CodeMalformed, name+" is given more than once.")
		}
	}
	return query, nil
}

// versionParam returns a version from the query, 0 where it is absent.
func versionParam(params url.Values, name string) (int64, error) {
	if !params.Has(name) {
		return 0, nil
	}
	n, ok := wholeNumber(params.Get(name))
	if !ok {
		return 0, problem(CodeMalformed, name+" must be a whole number from 1 on.")
	}
	return n, nil
}

// limitParam returns the size of a page.
func limitParam(params url.Values) (int, error) {
	if !params.Has("limit") {
		return defaultLimit, nil
	}
	n, ok := wholeNumber(params.Get("limit"))
	if !ok || n > maxLimit {
		return 0, problem(CodeMalformed, fmt.Sprintf("limit must be a whole number from 1 to %d.", maxLimit))
	}
	return int(n), nil
}

// wholeNumber reads a number from 1 on, as it is written in one way only: without
// a sign or leading zeros.
func wholeNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 1 && strconv.FormatInt(n, 10) == text
}
