package paysim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// form reads Stripe's form encoding, where name[key] is an entry of a
// dictionary and name[0] or name[] one of a list. It keeps the first error and
// what was asked for, so that the rest can be refused as unknown.
type form struct {
	values url.Values
	known  map[string]bool
	err    *apiError
}

func newForm(values url.Values) *form {
	return &form{values: values, known: map[string]bool{}}
}

func (f *form) fail(err *apiError) {
	if f.err == nil {
		f.err = err
	}
}

// text is a single value, empty if absent.
func (f *form) text(name string) string {
	f.known[name] = true
	all := f.values[name]
	if len(all) > 1 {
		f.fail(invalid("", name, "The parameter is given more than once: %s.", name))
	}
	if len(all) == 0 {
		return ""
	}
	if all[0] == "" {
		f.fail(invalid("parameter_invalid_empty", name, "The parameter must not be empty: %s.", name))
	}
	return all[0]
}

// oneOf is a value out of few, the first of which is the default.
func (f *form) oneOf(name string, allowed ...string) string {
	v := f.text(name)
	if v == "" {
		return allowed[0]
	}
	if !slices.Contains(allowed, v) {
		f.fail(invalid("", name, "Invalid %s: must be one of %s.", name, strings.Join(allowed, ", ")))
	}
	return v
}

// amount is a positive number of minor units; given is false if it is absent.
func (f *form) amount(name string) (n int64, given bool) {
	v := f.text(name)
	if v == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	switch {
	case err != nil:
		f.fail(invalid("parameter_invalid_integer", name, "Invalid integer: %s.", name))
	case n < 1:
		f.fail(invalid("parameter_invalid_integer", name, "The value must be at least 1: %s.", name))
	case n > maxAmount:
		f.fail(invalid("amount_too_large", name, "The amount has more than eight digits."))
	}
	return n, true
}

func (f *form) flag(name string) bool {
	return f.oneOf(name, "false", "true") == "true"
}

// dict is what name[key]=value says.
func (f *form) dict(name string) map[string]string {
	m := map[string]string{}
	for full, values := range f.values {
		key, ok := inner(full, name)
		if !ok {
			continue
		}
		f.known[full] = true
		if key == "" || len(values) != 1 {
			f.fail(invalid("", name, "Invalid dictionary: %s.", name))
			continue
		}
		m[key] = values[0]
	}
	return m
}

// list is what name[]=value or name[0]=value says, in the order given.
func (f *form) list(name string) []string {
	indexed := map[int]string{}
	var out []string
	for full, values := range f.values {
		key, ok := inner(full, name)
		if !ok {
			continue
		}
		f.known[full] = true
		if key == "" {
			out = append(out, values...)
			continue
		}
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || len(values) != 1 {
			f.fail(invalid("", name, "Invalid array: %s.", name))
			continue
		}
		indexed[i] = values[0]
	}
	for _, i := range sortedKeys(indexed) {
		out = append(out, indexed[i])
	}
	return out
}

// done returns the first error: a bad value, or a parameter nobody asked for.
func (f *form) done() *apiError {
	if f.err != nil {
		return f.err
	}
	for _, name := range sortedKeys(f.values) {
		if !f.known[name] {
			return invalid("parameter_unknown", name, "Received unknown parameter: %s.", name)
		}
	}
	return nil
}

// inner is the key within name[key].
func inner(full, name string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(full, name+"[")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "]")
}
