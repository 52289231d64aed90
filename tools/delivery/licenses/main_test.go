package main

import (
	"strings"
	"testing"
)

func TestLicenses(t *testing.T) {
	t.Parallel()
	bom := func(components string) string {
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[` + components + `]}`
	}
	component := func(name, licenses string) string {
		return `{"type":"library","name":"` + name + `","version":"v1","licenses":[` + licenses + `]}`
	}
	for name, test := range map[string]struct{ bom, says string }{
		"accepted":           {bom(component("a", `{"license":{"id":"MIT"}}`)), ""},
		"not accepted":       {bom(component("a", `{"license":{"id":"MIT"}}`) + "," + component("b", `{"license":{"id":"AGPL-3.0-only"}}`)), "b v1: AGPL-3.0-only"},
		"one of two":         {bom(component("a", `{"license":{"id":"MIT"}},{"license":{"id":"GPL-2.0-only"}}`)), "a v1: GPL-2.0-only"},
		"a combination":      {bom(component("a", `{"expression":"MIT OR GPL-2.0-only"}`)), "a v1: MIT OR GPL-2.0-only"},
		"none":               {bom(component("a", "")), "a v1: no licence was found"},
		"read by a person":   {bom(component("golang.org/x/sys", `{"license":{"id":"BSD-Source-Code"}}`)), ""},
		"nothing to look at": {bom(""), "empty"},
		"no bill":            {"<html>", "read the bill of materials"},
	} {
		var out strings.Builder
		err := run(strings.NewReader(test.bom), &out)
		switch {
		case test.says == "" && (err != nil || out.String() != "1 components, all under an accepted licence\n"):
			t.Errorf("%s: %v, %q", name, err, out.String())
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}
