package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// Outcome is what came of a check.
type Outcome string

// Outcomes.
const (
	OK         Outcome = "ok"
	Problem    Outcome = "problem"
	NotChecked Outcome = "not checked"
)

// Check is the outcome of one check.
type Check struct {
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	// Found is what was seen, or why nothing was.
	Found string `json:"found,omitempty"`
	// Problems are what is wrong, each with what to do.
	Problems []string `json:"problems,omitempty"`
}

// Report is the outcome of an examination.
type Report struct {
	Stack   string `json:"stack"`
	Region  string `json:"region"`
	Account string `json:"account"`
	// Deployed says that the stack is there, and was examined, too.
	Deployed   bool    `json:"deployed"`
	Checks     []Check `json:"checks"`
	OK         int     `json:"ok"`
	Problems   int     `json:"problems"`
	NotChecked int     `json:"not_checked"`
}

// Summary is the last line of the text form.
func (r Report) Summary() string {
	return fmt.Sprintf("%d ok, %d with problems, %d not checked", r.OK, r.Problems, r.NotChecked)
}

// line is the text form of a check.
func (c Check) line() string {
	said := slices.DeleteFunc(append([]string{}, c.Problems...), func(s string) bool { return s == "" })
	if len(said) == 0 && c.Found != "" {
		said = []string{c.Found}
	}
	text := strings.ReplaceAll(strings.Join(said, "; "), "\n", " ")
	return fmt.Sprintf("%-11s  %s: %s\n", c.Outcome, c.Name, text)
}

// finding is what a check saw.
type finding struct {
	found    string
	problems []string
}

func (f *finding) wrong(format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

// undoneError is returned by a check that could not be made, for a reason that is no problem.
type undoneError string

func (e undoneError) Error() string { return string(e) }

// step is a check that is to be made.
type step struct {
	name string
	look func(ctx context.Context) (finding, error)
}

// add makes a check, adds it to the report and writes its line.
func (r *Report) add(ctx context.Context, out io.Writer, emulated bool, s step) {
	seen, err := s.look(ctx)
	check := Check{Name: s.name, Outcome: OK, Found: seen.found, Problems: seen.problems}
	var undone undoneError
	switch {
	case errors.As(err, &undone):
		check.Outcome, check.Found = NotChecked, err.Error()
	case err != nil && emulated && unknownToEmulator(err):
		check.Outcome, check.Found = NotChecked, "the emulator has no "+action(err)
	case err != nil:
		check.Problems = append(check.Problems, explained(err))
	}
	switch {
	case len(check.Problems) > 0:
		check.Outcome = Problem
		r.Problems++
	case check.Outcome == NotChecked:
		r.NotChecked++
	default:
		r.OK++
	}
	r.Checks = append(r.Checks, check)
	fmt.Fprint(out, check.line())
}

// explained says what to do about a call that failed.
func explained(err error) string {
	switch code := errorCode(err); {
	case strings.HasPrefix(code, "AccessDenied"), code == "UnauthorizedOperation", code == "AuthorizationError", code == "AuthorizationErrorException":
		return fmt.Sprintf("%s was denied: grant it to who runs this (docs/DEPLOY.md lists all that it needs)", action(err))
	case code == "ExpiredToken", code == "ExpiredTokenException", code == "UnrecognizedClientException", code == "InvalidClientTokenId":
		return fmt.Sprintf("%s was refused (%s): sign in again, to the account that is meant", action(err), code)
	}
	return fmt.Sprintf("it could not be read: %v: repeat it, and if it stays see the network and the credentials", err)
}

// unknownCodes are what emulators answer to a call that they do not know; UnknownError is the SDK's word for an error
// without a code, as MiniStack sends for a whole service that it does not have.
var unknownCodes = []string{"UnknownError", "InvalidAction", "UnknownOperationException", "UnknownOperation", "NotImplemented", "NotImplementedException", "UnsupportedOperation", "InternalFailure"}

func unknownToEmulator(err error) bool {
	return slices.Contains(unknownCodes, errorCode(err))
}

func errorCode(err error) string {
	if api := smithy.APIError(nil); errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// prefixes are those of IAM's actions, by the SDK's name of the service where they differ.
var prefixes = map[string]string{
	"Cognito Identity Provider": "cognito-idp", "CloudWatch Logs": "logs", "EventBridge": "events",
	"Secrets Manager": "secretsmanager", "Service Quotas": "servicequotas",
}

// action is the IAM action of a failed call, such as lambda:GetAlias.
func action(err error) string {
	call := (*smithy.OperationError)(nil)
	if !errors.As(err, &call) {
		return "a call"
	}
	return actionOf(call.Service(), call.Operation())
}

func actionOf(service, operation string) string {
	prefix, ok := prefixes[service]
	if !ok {
		prefix = strings.ToLower(service)
	}
	return prefix + ":" + operation
}
