package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// The largest request bodies in bytes. A notice of the provider shows a whole object
// of its own, whose size is up to it.
const (
	maxBody   = 16 << 10
	maxNotice = 256 << 10
)

// readBody decodes a JSON body strictly into v and returns its canonical form
// (RFC 8785), which is equal for bodies that say the same. That form is what is
// decoded, so that two of them also mean the same: 7 and 7.0 are one number.
func readBody(r *http.Request, v any) (canonical []byte, err error) {
	if err := declaredJSON(r); err != nil {
		return nil, err
	}
	raw, err := rawBody(r, maxBody)
	if err != nil {
		return nil, err
	}
	return decodeBody(raw, v)
}

// readOptionalBody is readBody for a command without fields: no body at all means
// the same as an empty object, whatever it is declared as.
func readOptionalBody(r *http.Request, v any) (canonical []byte, err error) {
	raw, err := rawBody(r, maxBody)
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return []byte("{}"), nil
	}
	if err := declaredJSON(r); err != nil {
		return nil, err
	}
	return decodeBody(raw, v)
}

// declaredJSON refuses a body that its headers declare as something else than JSON, or as
// compressed. A parameter of application/json has no meaning (RFC 8259, section 11), so it
// is ignored, with one exception: a client that names another charset than UTF-8 has
// written its text in it.
func declaredJSON(r *http.Request) error {
	for coding := range strings.SplitSeq(lines(r, "Content-Encoding"), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			return problem(CodeUnsupportedMedia, codingDetail)
		}
	}
	declared := lines(r, "Content-Type")
	contentType, params, err := mime.ParseMediaType(declared)
	switch {
	case err != nil && strings.Contains(declared, ","):
		return problem(CodeMalformed, "The Content-Type must be given once.")
	case err != nil || contentType != "application/json" || !isUTF8(params["charset"]):
		return problem(CodeUnsupportedMedia, "The body must be application/json in UTF-8.")
	}
	return nil
}

// codingDetail goes with an Accept-Encoding, which tells it from a wrong media type (RFC
// 9110, section 12.5.3).
const codingDetail = "The body must not be compressed."

func rawBody(r *http.Request, most int) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	switch {
	case err != nil:
		return nil, problem(CodeMalformed, "The body could not be read.")
	case len(raw) > most:
		return nil, problem(CodeTooLarge, fmt.Sprintf("The body must have at most %d bytes.", most))
	default:
		return raw, nil
	}
}

func decodeBody(raw []byte, v any) (canonical []byte, err error) {
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		return nil, bodyProblem(err)
	}
	// The gateway puts U+FFFD in place of what is not UTF-8, so that two bodies become one,
	// and one would be answered as the repeat of the other.
	if bytes.ContainsRune(value, utf8.RuneError) {
		return nil, problem(CodeMalformed, "The body has text that is not valid UTF-8, or the character U+FFFD in its place.")
	}
	if err := json.Unmarshal(value, v, json.RejectUnknownMembers(true), refuseNull); err != nil {
		return nil, bodyProblem(err)
	}
	return value, nil
}

// refuseNull makes null a wrong type everywhere: a field without a value is left
// out, in one way only.
var refuseNull = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, _ any) error {
	if d.PeekKind() == jsontext.KindNull {
		return errors.New("null")
	}
	return errors.ErrUnsupported // go on as ever
}))

// isUTF8 says whether text in the charset is UTF-8, as all text in ASCII is.
func isUTF8(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return true
	default:
		return false
	}
}

// bodyProblem tells what no JSON value could mend (400) from a value of the wrong
// type (422). Neither repeats a value of the body.
func bodyProblem(err error) error {
	var wrong *json.SemanticError
	switch {
	case !errors.As(err, &wrong):
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) && errors.Is(syntax, jsontext.ErrDuplicateName) {
			return problem(CodeMalformed, "The body names a field twice"+at(syntax.JSONPointer))
		}
		return problem(CodeMalformed, "The body is not valid JSON.")
	case errors.Is(err, json.ErrUnknownName):
		return problem(CodeMalformed, "The body has an unknown field"+at(wrong.JSONPointer))
	default:
		return invalid(booking.FieldError{Pointer: string(wrong.JSONPointer), Detail: "has the wrong type or is out of range"})
	}
}

// fieldNames is a pointer made of names that look like those of fields.
var fieldNames = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(/[A-Za-z_]{1,40}){1,4}$`) })

// at says where in the body, unless a name there could be anything, such as a
// card number: problems end up in the logs of others.
func at(pointer jsontext.Pointer) string {
	if fieldNames().MatchString(string(pointer)) {
		return ": " + string(pointer) + "."
	}
	return "."
}

func invalid(fields ...booking.FieldError) *booking.Rejection {
	return &booking.Rejection{
		Code: booking.CodeValidationFailed, Detail: "The request has values that are missing or out of range.", Fields: fields,
	}
}

// findings collects what is wrong with the fields of a body.
type findings struct{ fields []booking.FieldError }

func (f *findings) add(pointer, detail string) {
	f.fields = append(f.fields, booking.FieldError{Pointer: pointer, Detail: detail})
}

func (f *findings) err() error {
	if len(f.fields) == 0 {
		return nil
	}
	return invalid(f.fields...)
}

// need returns what p points to, or notes that it is missing and returns zero.
func need[T any](f *findings, pointer string, p *T) T {
	if p == nil {
		f.add(pointer, "is required")
		return *new(T)
	}
	return *p
}
