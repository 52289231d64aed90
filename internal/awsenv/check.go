package awsenv

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// rule is what the value of a setting must be, by the end of its variable's name. A value
// that breaks it would fail later, at the first request that needs it.
type rule struct {
	suffix string
	check  func(value string) error
}

// rules are looked through in their order.
func rules() []rule {
	return []rule{
		{"_TABLE", matches(tableName, 255, "is no name of a table")},
		{"_QUEUE_URL", queueURL},
		{"_ARN", identifier},
		{"JWT_ISSUER", httpURL},
		{"_API_URL", httpURL},
		{"JWT_AUDIENCE", matches(visible, 255, "has characters that no client id has")},
		{"_CONCURRENCY", matches(positive, 9, "must be a whole number from 1 on")},
	}
}

// The lengths are not in the patterns: they would be compiled into as many states, and every
// cold start would wait for that.
var (
	tableName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_.-]{3}[a-zA-Z0-9_.-]*$`) })
	queueName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_-]+$`) })
	visible   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\x21-\x7e]+$`) })
	positive  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[1-9][0-9]*$`) })
)

// validate checks every setting that has a rule. One that is empty is missing on purpose,
// or was refused before.
func validate(settings any) error {
	var errs []error
	for _, s := range settingsOf(reflect.ValueOf(settings)) {
		if s.value == "" {
			continue
		}
		for _, r := range rules() {
			if !strings.HasSuffix(s.name, r.suffix) {
				continue
			}
			if err := r.check(s.value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
			}
			break
		}
	}
	return errors.Join(errs...)
}

type setting struct{ name, value string }

// settingsOf returns the variables and values of a struct with env tags, those of embedded
// structs included.
func settingsOf(v reflect.Value) []setting {
	var all []setting
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			all = append(all, settingsOf(v.Field(i))...)
			continue
		}
		if name, _, _ := strings.Cut(field.Tag.Get("env"), ","); name != "" {
			all = append(all, setting{name, fmt.Sprint(v.Field(i).Interface())})
		}
	}
	return all
}

func matches(form func() *regexp.Regexp, most int, otherwise string) func(string) error {
	return func(value string) error {
		if len(value) > most || !form().MatchString(value) {
			return errors.New(otherwise)
		}
		return nil
	}
}

func httpURL(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("is no address of HTTP")
	}
	return nil
}

// queueURL accepts a queue's name, too, which sam local puts in place of its URL.
func queueURL(value string) error {
	if matches(queueName, 80, "")(value) == nil {
		return nil
	}
	return httpURL(value)
}

// identifier is an ARN, or the name that sam local and Secrets Manager take in its place.
func identifier(value string) error {
	if !visible().MatchString(value) || strings.HasPrefix(value, "arn:") && !arn.IsARN(value) {
		return errors.New("is no ARN")
	}
	return nil
}
