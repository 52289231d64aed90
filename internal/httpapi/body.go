package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// maxBody is the largest request body in bytes.
const maxBody = 16 << 10

// readBody decodes a JSON body strictly into v and returns its canonical form
// (RFC 8785), which is equal for bodies that say the same.
func readBody(r *http.Request, v any) (canonical []byte, err error) {
	contentType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || contentType != "application/json" || !isUTF8(params["charset"]) {
		return nil, problem(CodeUnsupportedMedia, "The body must be application/json in UTF-8.")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, problem(CodeMalformed, "The body could not be read.")
	}
	if len(raw) > maxBody {
		return nil, problem(CodeTooLarge, fmt.Sprintf("The body must have at most %d bytes.", maxBody))
	}
	if err := json.Unmarshal(raw, v, json.RejectUnknownMembers(true)); err != nil {
		return nil, bodyProblem(err)
	}
	value := jsontext.Value(bytes.Clone(raw))
	if err := value.Canonicalize(); err != nil {
		return nil, bodyProblem(err)
	}
	return value, nil
}

func isUTF8(charset string) bool { return charset == "" || strings.EqualFold(charset, "utf-8") }

// bodyProblem tells what no JSON value could mend (400) from a value of the wrong
// type (422). Neither repeats what the body said.
func bodyProblem(err error) error {
	var wrong *json.SemanticError
	switch {
	case !errors.As(err, &wrong):
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) && errors.Is(syntax, jsontext.ErrDuplicateName) {
			return problem(CodeMalformed, "The body names a field twice: "+string(syntax.JSONPointer)+".")
		}
		return problem(CodeMalformed, "The body is not valid JSON.")
	case errors.Is(err, json.ErrUnknownName):
		return problem(CodeMalformed, "The body has an unknown field: "+string(wrong.JSONPointer)+".")
	default:
		return invalid(booking.FieldError{Pointer: string(wrong.JSONPointer), Detail: "has the wrong type or is out of range"})
	}
}

func invalid(fields ...booking.FieldError) *booking.Rejection {
	return &booking.Rejection{
		Code: booking.CodeValidationFailed, Detail: "The request has values that are missing or out of range.", Fields: fields,
	}
}

// presence collects the required fields that a body lacks.
type presence struct{ missing []booking.FieldError }

// need returns what p points to, or notes that it is missing and returns zero.
func need[T any](in *presence, pointer string, p *T) T {
	if p == nil {
		in.missing = append(in.missing, booking.FieldError{Pointer: pointer, Detail: "is required"})
		return *new(T)
	}
	return *p
}

func (p *presence) err() error {
	if len(p.missing) == 0 {
		return nil
	}
	return invalid(p.missing...)
}

// idempotencyKey returns the key of a write: 1 to 255 visible ASCII characters,
// as they are or as a quoted string (RFC 8941), which mean the same key.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 || strings.Join(values, "") == "" {
		return "", problem(CodeMissingKey, "A write needs an Idempotency-Key header. Use a fresh one for each new request, and the same for a repeat.")
	}
	key := unquote(strings.Join(values, ","))
	visible := func(r rune) bool { return r > ' ' && r <= '~' }
	if key == "" || len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return !visible(r) }) {
		return "", problem(CodeMalformed, "The Idempotency-Key must be 1 to 255 visible ASCII characters.")
	}
	return key, nil
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s[1 : len(s)-1])
}
