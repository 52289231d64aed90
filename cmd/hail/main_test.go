package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// hail runs the command line and returns what it printed.
func hail(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	tests := []struct {
		args []string
		code int
		says string // on standard output or error
	}{
		{[]string{"--help"}, exitOK, "Develop and operate"},
		{[]string{"dev", "--help"}, exitOK, "dev smoke"},
		{[]string{"dev", "up", "--help"}, exitOK, "--paysim-port"},
		{[]string{"dev", "fuzz", "--help"}, exitOK, "--seed"},
		{[]string{"book", "--help"}, exitOK, "--payment-method"},
		{[]string{}, exitUsage, "expected one of"},
		{[]string{"fly"}, exitUsage, "fly"},
		{[]string{"dev", "--port", "many"}, exitUsage, "--port"},
		{[]string{"token", "--role", "king"}, exitUsage, "--role"},
		{[]string{"book", "--from", "here"}, exitUsage, "LAT,LNG"},
		{[]string{"book", "--key", "", "--api", "http://127.0.0.1:1", "--token", "x"}, exitUsage, "--key is given without a value"},
		{[]string{"book", "--from=", "--api", "http://127.0.0.1:1", "--token", "x"}, exitUsage, "LAT,LNG"},
		{[]string{"dlq", "redrive", "--booking", "", "--reason", "x", "--yes"}, exitUsage, "--booking is given without a value"},
		{[]string{"dlq", "purge", "--booking", "bk_1", "--reason=", "--yes"}, exitUsage, "--reason is given without a value"},
		{[]string{"status", "--stack", ""}, exitUsage, "--stack is given without a value"},
		{[]string{"tools", "hammer"}, exitUsage, "hammer"},
		{[]string{"book", "--api", "http://127.0.0.1:1"}, exitFailed, "--api needs --token"},
		{[]string{"token", "--dir", empty}, exitFailed, "start it with hail dev up"},
		{[]string{"dev", "down", "--dir", empty}, exitOK, "not running"},
		{[]string{"doctor", "--env", "nowhere"}, exitUsage, `has no environment "nowhere"`},
		{[]string{"doctor", "--parameters", "Stage"}, exitUsage, "want Name=value"},
		{[]string{"doctor", "--env", "local", "--dir", empty}, exitFailed, "start it with hail dev up"},
	}
	for _, test := range tests {
		code, stdout, stderr := hail(t, test.args...)
		if code != test.code || !strings.Contains(stdout+stderr, test.says) {
			t.Errorf("hail %s: got %d, %q, %q, want %d and %q", strings.Join(test.args, " "), code, stdout, stderr, test.code, test.says)
		}
	}
}

// bookingServer answers like the API: the booking has each of the states in turn, and
// then keeps the last.
func bookingServer(t *testing.T, states ...string) string {
	t.Helper()
	var reads atomic.Int64
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, state string) {
		fmt.Fprintf(w, `{"id": "bk_1", "version": 1, "state": %q, "fare": {"amount": 1007, "currency": "EUR"}, "payment": {"state": "p"}, "new_field": 1}`, state)
	}
	mux.HandleFunc("POST /v1/bookings", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("Idempotency-Key") == "" {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"code": "validation-failed", "detail": "No.", "errors": [{"pointer": "/x", "detail": "is bad"}]}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		show(w, states[0])
	})
	mux.HandleFunc("GET /v1/bookings/bk_1", func(w http.ResponseWriter, _ *http.Request) {
		show(w, states[min(int(reads.Add(1)), len(states)-1)])
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestBook(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		states []string
		args   []string
		code   int
		says   []string
	}{
		{"and go", []string{"requested"}, nil, exitOK, []string{"bk_1", "requested", "10.07 EUR"}},
		{"and wait", []string{"requested", "requested", "confirmed"}, []string{"--wait"}, exitOK, []string{"confirmed"}},
		{"as JSON, nothing left out", []string{"requested"}, []string{"--json"}, exitOK, []string{`"new_field": 1`}},
		{"and be declined", []string{"requested", "canceled"}, []string{"--wait"}, exitFailed, []string{"bk_1", "the booking is canceled"}},
		{"and lose patience", []string{"requested"}, []string{"--wait", "--timeout", "1ms"}, exitFailed, []string{"not confirmed within 1ms"}},
		{"wrongly", []string{"requested"}, []string{"--token", "other"}, exitFailed, []string{"validation-failed", "No.; /x is bad"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"book", "--api", bookingServer(t, test.states...), "--token", "secret"}, test.args...)
			code, stdout, stderr := hail(t, args...)
			if code != test.code {
				t.Errorf("got exit code %d, want %d\n%s%s", code, test.code, stdout, stderr)
			}
			for _, text := range test.says {
				if !strings.Contains(stdout+stderr, text) {
					t.Errorf("%q is not in\n%s%s", text, stdout, stderr)
				}
			}
		})
	}
}

func TestInterruptIsNoPanic(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err bytes.Buffer
	code := run(ctx, []string{"book", "--wait", "--token", "secret", "--api", bookingServer(t, "requested")}, &out, &err)
	if code != exitFailed || !strings.Contains(err.String(), "hail: interrupted") {
		t.Errorf("got %d, %q", code, err.String())
	}
}

// Zero is a place like every other: what is not given is another matter.
func TestBookFromWhereItSays(t *testing.T) {
	t.Parallel()
	sample := api.SampleRequest()
	for _, test := range []struct {
		args     []string
		from, to api.Place
	}{
		{nil, sample.Pickup, sample.Dropoff},
		{[]string{"--from", "0,0"}, api.Place{}, sample.Dropoff},
		{[]string{"--to", "0,0"}, sample.Pickup, api.Place{}},
		{[]string{"--from", "52.5,13.25,Here", "--to", "0,13"}, api.Place{Lat: 52.5, Lng: 13.25, Label: "Here"}, api.Place{Lng: 13}},
	} {
		var got api.BookingRequest
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusTeapot)
		}))
		hail(t, append([]string{"book", "--api", server.URL, "--token", "secret"}, test.args...)...)
		server.Close()
		if got.Pickup != test.from || got.Dropoff != test.to {
			t.Errorf("%v: from %+v to %+v, want %+v and %+v", test.args, got.Pickup, got.Dropoff, test.from, test.to)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	var p place
	if err := p.UnmarshalText([]byte("52.5, -13.25,Alexanderplatz, Berlin")); err != nil {
		t.Fatal(err)
	}
	if p.Lat != 52.5 || p.Lng != -13.25 || p.Label != "Alexanderplatz, Berlin" {
		t.Errorf("got %+v", p)
	}
	for _, text := range []string{"", "1", "a,b", "1,b"} {
		if err := new(place).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken for a place", text)
		}
	}
}

func TestReadyTextCanBePasted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{ctx: t.Context(), stdout: &out}
	tokens := make(map[localstack.Role]string)
	for _, role := range localstack.Roles() {
		tokens[role] = "e30.eyJpc3MiOiJodHRwczovL2lkcCIsInN1YiI6InMtMSJ9." + string(role) // {"iss":"https://idp","sub":"s-1"}
	}
	r := ready{Endpoints: localstack.Endpoints{API: "http://api"}, Tokens: tokens, Logs: []string{"/l/one.log", "/l/two.log"}}
	if err := a.showReady(r, "Stop it so."); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, part := range []string{
		"curl -i -X POST 'http://api/v1/bookings'", "curl -s 'http://api/v1/bookings/bk_", "Stop it so.",
		"ops (ops-1):\n" + tokens[localstack.Ops], "two.log",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	_, body, _ := strings.Cut(text, "-d '")
	body, _, _ = strings.Cut(body, "'")
	if !json.Valid([]byte(body)) {
		t.Errorf("body %q is no JSON", body)
	}
}

func TestSmokeFromOutside(t *testing.T) {
	t.Parallel()
	tokens := []string{"--rider", "a.b.c", "--other-rider", "d.e.f", "--dispatch", "g.h.i", "--ops", "j.k.l"}
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"without a token": {[]string{"smoke", "--api", "http://127.0.0.1:9", "--rider", "a.b.c"}, "hail: --api needs --rider, --other-rider, --dispatch and --ops"},
		"of nothing":      {append([]string{"smoke", "--api", "http://127.0.0.1:9/"}, tokens...), "0 passed"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		var out, err bytes.Buffer
		code := run(ctx, test.args, &out, &err)
		cancel()
		if code != exitFailed || !strings.Contains(out.String()+err.String(), test.says) {
			t.Errorf("%s: got %d, %q, %q, want %q", name, code, out.String(), err.String(), test.says)
		}
	}
}
