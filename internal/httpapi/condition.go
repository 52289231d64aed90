package httpapi

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// An entity tag, and a list of them in which elements may be empty (RFC 9110,
// sections 8.8.3 and 5.6.1).
const tagForm = `(W/)?"([\x21\x23-\x7e]*)"`

var (
	entityTag  = regexp.MustCompile(tagForm)
	entityTags = regexp.MustCompile(`^[ \t,]*` + tagForm + `([ \t]*,([ \t]*` + tagForm + `)?)*[ \t]*$`)
)

// ifMatch returns the versions that an If-Match header allows (RFC 9110, section
// 13.1.1: strong comparison); nil allows every one. What cannot be read is refused:
// to go on would be to ignore a condition.
func ifMatch(r *http.Request) ([]int64, error) {
	header := lines(r, "If-Match")
	switch {
	case len(r.Header.Values("If-Match")) == 0 || strings.Trim(header, " \t") == "*":
		return nil, nil
	case !entityTags.MatchString(header):
		return nil, problem(CodeMalformed, `If-Match must hold entity tags, such as "3", or *.`)
	}
	allowed := []int64{}
	for _, tag := range entityTag.FindAllStringSubmatch(header, -1) {
		weak, text := tag[1] != "", tag[2]
		// A tag that this API never gave out matches no version, and is no error.
		if version, ok := wholeNumber(text); ok && !weak {
			allowed = append(allowed, version)
		}
	}
	return allowed, nil
}

// noneMatch tells whether an If-None-Match header names the tag (RFC 9110,
// section 13.1.2: weak comparison).
func noneMatch(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
