package toolbox

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
)

func TestListOfFilesIsReadable(t *testing.T) {
	t.Parallel()
	sums, err := parseChecksums(dynamoDBLocalFiles)
	if err != nil {
		t.Fatal(err)
	}
	if sums["DynamoDBLocal-2.6.1.jar"] == "" || !strings.Contains(dynamoDBLocalCoordinate, ":2.6.1") {
		t.Errorf("the list does not hold the version of %s", dynamoDBLocalCoordinate)
	}
}

func TestParseChecksumsRefusesOtherForms(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("a", 64)
	for _, line := range []string{"", sum, sum + " one-space.jar", "abc  short.jar", sum + "  "} {
		if got, err := parseChecksums([]byte(line + "\n")); err == nil {
			t.Errorf("%q: got %v, want an error", line, got)
		}
	}
}

func TestVerifyFiles(t *testing.T) {
	t.Parallel()
	sum := func(content string) string {
		s := sha256.Sum256([]byte(content))
		return hex.EncodeToString(s[:])
	}
	want := map[string]string{"a.jar": sum("a"), "b.jar": sum("b"), "native.so": sum("n")}
	tests := []struct {
		name  string
		files map[string]string
		err   string
	}{
		{"all", map[string]string{"a.jar": "a", "b.jar": "b", "native.so": "n"}, ""},
		{"without another platform's library", map[string]string{"a.jar": "a", "b.jar": "b"}, ""},
		{"changed", map[string]string{"a.jar": "x", "b.jar": "b"}, "a.jar has SHA-256"},
		{"missing", map[string]string{"a.jar": "a"}, "b.jar was not downloaded"},
		{"unknown", map[string]string{"a.jar": "a", "b.jar": "b", "c.jar": "c"}, "c.jar has SHA-256"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, content := range test.files {
				writeFile(t, filepath.Join(dir, name), content, 0o600)
			}
			err := verifyFiles(dir, want)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, want %q", err, test.err)
			}
		})
	}
}
