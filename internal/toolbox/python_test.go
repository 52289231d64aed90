package toolbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParsePythonVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want pythonVersion
		ok   bool
	}{
		{"3.11\n", pythonVersion{3, 11}, true},
		{"3.9", pythonVersion{3, 9}, true},
		{"3.13.2", pythonVersion{3, 13}, true},
		{"4.0", pythonVersion{4, 0}, true},
		{"", pythonVersion{}, false},
		{"3", pythonVersion{}, false},
		{"three.eleven", pythonVersion{}, false},
	}
	for _, test := range tests {
		got, err := parsePythonVersion(test.text)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: got %v, %v, want %v", test.text, got, err, test.want)
		}
	}
}

func TestPythonVersionsCompareAsNumbers(t *testing.T) {
	t.Parallel()
	for version, enough := range map[pythonVersion]bool{
		{2, 99}: false, {3, 9}: false, {3, 10}: false, {3, 11}: true, {3, 13}: true, {4, 0}: true,
	} {
		if got := version.atLeast(oldestPython); got != enough {
			t.Errorf("%v: got %v, want %v", version, got, enough)
		}
	}
}

func TestFindPythonTellsWhatIsWrong(t *testing.T) {
	tests := []struct {
		name   string
		script string // of the only python3 on the PATH; empty: there is none
		want   string // part of the error; empty: it is found
	}{
		{"none", "", "none of python3, "},
		{"too old", "echo 3.9", "python3 is 3.9"},
		{"no venv", "echo 3.12; exit 1", "python3 lacks venv or ensurepip"},
		{"broken", "exit 1", "python3 does not run"},
		{"good", "echo 3.12", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("PATH", dir)
			t.Setenv("PYTHON", "")
			if test.script != "" {
				writeFile(t, filepath.Join(dir, "python3"), "#!/bin/sh\n"+test.script+"\n", 0o755)
			}
			path, err := FindPython(t.Context())
			if test.want == "" {
				if err != nil || path != filepath.Join(dir, "python3") {
					t.Fatalf("got %s, %v", path, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one line with %q", err, test.want)
			}
		})
	}
}

func TestPythonIsChosenByVariable(t *testing.T) {
	chosen := filepath.Join(t.TempDir(), "mine")
	writeFile(t, chosen, "#!/bin/sh\necho 3.13\n", 0o755)
	t.Setenv("PYTHON", chosen)
	if path, err := FindPython(t.Context()); path != chosen {
		t.Fatalf("got %s, %v, want %s", path, err, chosen)
	}
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
