package main

import (
	"strings"
	"testing"
)

func TestRiderID(t *testing.T) {
	t.Parallel()
	const (
		token = "e30.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoiYWxpY2UifQ.c2ln" // {"iss":"https://issuer.example","sub":"alice"}
		alice = "rd_be2t5cdeqpnna5ybvxmpta54fdsybw5i"
	)
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"of a token":             {[]string{token}, exitOK, alice + "\n"},
		"of issuer and subject":  {[]string{"--issuer", "https://issuer.example", "--subject", "alice"}, exitOK, alice + "\n"},
		"as JSON":                {[]string{"--json", token}, exitOK, `"rider_id": "` + alice + `"`},
		"of a subject alone":     {[]string{"--subject", "alice"}, exitFailed, "go together"},
		"of nothing":             {nil, exitFailed, "give a token"},
		"of no token":            {[]string{"abc"}, exitFailed, "no JWT"},
		"of a token without one": {[]string{"e30.e30.c2ln"}, exitFailed, "no subject"},
		"of a namesake":          {[]string{"--issuer", "https://other.example", "--subject", "alice"}, exitOK, "rd_"},
	} {
		code, stdout, stderr := hail(t, append([]string{"rider-id"}, test.args...)...)
		if code != test.code || !strings.Contains(stdout+stderr, test.says) || strings.Contains(stdout, alice) != strings.Contains(test.says, alice) {
			t.Errorf("%s: %d, %q, %q; want %d and %q", name, code, stdout, stderr, test.code, test.says)
		}
	}
}
