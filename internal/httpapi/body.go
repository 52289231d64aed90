package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"sync"

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

func declaredJSON(r *http.Request) error {
	contentType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || contentType != "application/json" || !isUTF8(params["charset"]) {
		return problem(CodeUnsupportedMedia, "The body must be application/json in UTF-8.")
	}
	return nil
}

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

func isUTF8(charset string) bool { return charset == "" || strings.EqualFold(charset, "utf-8") }

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

// An idempotency key comes as it is, or as a quoted string (RFC 8941).
var (
	rawKey    = regexp.MustCompile(`^[\x21\x23-\x7e][\x21-\x7e]*$`)
	quotedKey = regexp.MustCompile(`^"(?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])+"$`)
	unescape  = strings.NewReplacer(`\\`, `\`, `\"`, `"`)
)

// longestKey bounds keys. A bound in the pattern is compiled into as many states, and
// every cold start would wait for that.
const longestKey = 255

// idempotencyKey returns the key of a write: 1 to 255 visible ASCII characters.
// Quoted or not, it is the same key.
func idempotencyKey(r *http.Request) (string, error) {
	key := strings.Join(r.Header.Values("Idempotency-Key"), ",")
	switch {
	case key == "":
		return "", problem(CodeMissingKey, "A write needs an Idempotency-Key header. Use a fresh one for each new request, and the same for a repeat.")
	case quotedKey.MatchString(key):
		key = unescape.Replace(key[1 : len(key)-1])
	case !rawKey.MatchString(key):
		key = ""
	}
	if key == "" || len(key) > longestKey {
		return "", problem(CodeMalformed, "The Idempotency-Key must be 1 to 255 visible ASCII characters, as they are or as a quoted string.")
	}
	return key, nil
}
