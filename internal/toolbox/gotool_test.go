package toolbox

import (
	"os/exec"
	"strings"
	"testing"
)

func TestStripeMockIsInstalled(t *testing.T) {
	t.Parallel()
	root, err := FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	program, err := New(root, Silent).StripeMock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "-version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "stripe-mock") {
		t.Errorf("%s says %q, %v", program, out, err)
	}
}

func TestWithoutItsPinsNothingIsInstalled(t *testing.T) {
	t.Parallel()
	if _, err := New(t.TempDir(), Silent).StripeMock(t.Context()); err == nil {
		t.Error("no error")
	}
}
