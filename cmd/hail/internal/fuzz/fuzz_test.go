package fuzz

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

const root = "../../../.."

// contract is an API small enough to be attacked in seconds.
const contract = `{
	"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "security": [{"accessToken": []}],
	"components": {"securitySchemes": {"accessToken": {"type": "http", "scheme": "bearer"}}},
	"paths": {"/v1/bookings/{id}": {
		"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^bk_[a-z]{1,8}$"}}],
		"post": {
			"operationId": "charge",
			"parameters": [{"name": "Idempotency-Key", "in": "header", "required": true, "schema": {"type": "string", "pattern": "^[a-z]{1,8}$"}}],
			"requestBody": {"required": true, "content": {"application/json": {"example": {"fee": 100}, "schema": {
				"type": "object", "additionalProperties": false, "required": ["fee"], "properties": {"fee": {"type": "integer", "minimum": 0}}}}}},
			"responses": {
				"200": {
					"description": "D", "links": {"again": {"operationId": "charge", "parameters": {"id": "$request.path.id"}}}, "headers": {"ETag": {"required": true, "schema": {"type": "string", "pattern": "^\"[0-9]+\"$"}}},
					"content": {"application/json": {"schema": {"type": "object", "required": ["version"], "properties": {"version": {"type": "integer"}}}}}
				},
				"400": {"description": "D"}, "401": {"description": "D"}, "404": {"description": "D"}, "415": {"description": "D"}
			}
		}
	}}
}`

var (
	validID  = regexp.MustCompile(`^/v1/bookings/bk_[a-z]{1,8}$`)
	validKey = regexp.MustCompile(`^[a-z]{1,8}$`)
	validFee = regexp.MustCompile(`^\s*\{\s*"fee"\s*:\s*[0-9]+(\.0+)?\s*\}\s*$`)
)

// server keeps the contract, but for one fault.
type server struct{ fault string }

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	status := http.StatusOK
	switch {
	case r.URL.Path == "/openapi.json":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, contract)
		return
	case r.Header.Get("Authorization") != "Bearer secret" && s.fault != "open to all":
		status = http.StatusUnauthorized
	case !validID.MatchString(r.URL.Path):
		status = http.StatusNotFound
	case !validKey.MatchString(r.Header.Get("Idempotency-Key")) && s.fault != "no key needed":
		status = http.StatusBadRequest
	case r.Header.Get("Content-Type") != "application/json":
		status = http.StatusUnsupportedMediaType
	case err != nil || !validFee.Match(body) && s.fault != "any body taken":
		status = http.StatusBadRequest
	}
	if status != http.StatusOK {
		w.WriteHeader(status)
		return
	}
	s.grant(w)
}

func (s server) grant(w http.ResponseWriter) {
	status, answer := http.StatusOK, `{"version": 1}`
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", `"1"`)
	switch s.fault {
	case "server error":
		status = http.StatusInternalServerError
	case "status unknown to the contract":
		status = http.StatusAccepted
	case "other content type":
		w.Header().Set("Content-Type", "text/plain")
	case "header missing":
		w.Header().Del("ETag")
	case "body of another form":
		answer = `{"version": "1"}`
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

func attack(t *testing.T, fault, dir string) ([]Result, error) {
	t.Helper()
	top, err := toolbox.FindRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	venv, err := toolbox.New(top, toolbox.Silent).Schemathesis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(server{fault})
	t.Cleanup(api.Close)
	return Run(t.Context(), Options{
		Program: venv.Program("schemathesis"), Config: filepath.Join(root, "tools", "schemathesis.toml"), Dir: dir,
		API: api.URL, Tokens: map[string]string{"rider": "secret"}, Bookings: []string{"bk_a", "bk_b"}, Examples: 2, Seed: 1,
	})
}

// The configuration must find every kind of break, and nothing in an API that keeps its contract.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // fault → code of the finding
		"none":                           "",
		"server error":                   "ST101",
		"status unknown to the contract": "ST103",
		"other content type":             "ST105",
		"header missing":                 "ST107",
		"body of another form":           "ST108",
		"open to all":                    "ST401",
		"no key needed":                  "ST203",
		"any body taken":                 "ST201",
	}
	for fault, want := range tests {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			results, err := attack(t, fault, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, f := range results[0].Findings {
				codes = append(codes, f.Code)
			}
			if results[0].Requests == 0 || (want == "") != (len(codes) == 0) || want != "" && !slices.Contains(codes, want) {
				log, _ := os.ReadFile(results[0].Log)
				t.Errorf("%d requests found %q, want %q\n%s", results[0].Requests, codes, want, log)
			}
			if config, err := os.ReadFile(filepath.Join(filepath.Dir(results[0].Log), "schemathesis.toml")); err != nil || strings.Contains(string(config), "secret") {
				t.Errorf("the configuration holds the token, or is gone: %v", err)
			}
		})
	}
}

// A run that proved nothing must not pass.
func TestGapsAreErrors(t *testing.T) {
	t.Parallel()
	whole := map[string]any{"status": "success"}
	sound := func() map[string]any {
		return map[string]any{
			"exit_code": 0, "operations": map[string]any{"total": 2, "tested": 2}, "test_cases": map[string]any{"generated": 7},
			"phases": map[string]any{"examples": whole, "coverage": whole, "fuzzing": whole, "stateful": whole},
		}
	}
	tests := []struct {
		name string
		gap  func(map[string]any)
		want string
	}{
		{"sound", func(map[string]any) {}, ""},
		{"an error", func(r map[string]any) { r["errors"] = []any{map[string]any{}} }, "1 errors"},
		{"nothing to test", func(r map[string]any) { r["operations"] = map[string]any{"total": 0, "tested": 0} }, "0 of 0"},
		{"half of it", func(r map[string]any) { r["operations"] = map[string]any{"total": 2, "tested": 1} }, "1 of 2"},
		{"a phase left out", func(r map[string]any) { r["phases"] = map[string]any{"examples": whole} }, "stateful"},
		{"no reason given", func(r map[string]any) { r["exit_code"] = 2 }, "exit code 2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			report := sound()
			test.gap(report)
			text, err := json.Marshal(report)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "report.json")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			requests, _, err := readReport(path)
			switch {
			case test.want == "" && (err != nil || requests != 7):
				t.Errorf("got %d, %v", requests, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, _, err := readReport(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("no report is no error")
	}
}
