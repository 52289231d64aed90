package localstack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeDocker puts a docker before the real one that does what the script says, and
// returns the file that it may write its arguments to.
func fakeDocker(t *testing.T, script string) (calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\ncalls="+calls+"\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return calls
}

func TestWithoutAnEngineOneLineSaysSo(t *testing.T) {
	fakeDocker(t, "echo 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
	err := docker{}.check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no Docker engine answers") || !strings.Contains(err.Error(), "Cannot connect") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line that says why", err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := (docker{}).check(t.Context()); err == nil || !strings.Contains(err.Error(), "not on the PATH") {
		t.Errorf("got %v, want that there is no docker", err)
	}
}

// What an earlier run left, and only that.
func TestContainersAreRemovedByTheLog(t *testing.T) {
	calls := fakeDocker(t, `case "$1 $*" in "ps "*=gone) ;; "ps "*) echo "${5#id=}" ;; esac
echo "$*" >> $calls
`)
	log := filepath.Join(t.TempDir(), "sam-local.log")
	if err := (docker{}).removeContainers(t.Context(), log); err != nil {
		t.Errorf("without a log: %v", err)
	}
	if err := os.WriteFile(log, []byte("Invoking\nSAM_CONTAINER_ID: left\nSAM_CONTAINER_ID: gone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (docker{}).removeContainers(t.Context(), log); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(calls)
	if err != nil || !strings.Contains(string(got), "rm --force left\n") || strings.Contains(string(got), "rm --force gone") {
		t.Errorf("docker was called so:\n%s(%v)", got, err)
	}
}

// The image that SAM derives from comes last.
func TestTheStandInIsRemovedAfterWhatWasMadeOfIt(t *testing.T) {
	calls := fakeDocker(t, `echo "$*" >> $calls
[ "$2" = rm ] || printf 'hailstone/lambda-stand-in:latest\nhailstone/lambda-stand-in:rapid-x86_64\n'
`)
	if err := (docker{}).removeStandIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	const want = "image rm --force hailstone/lambda-stand-in:rapid-x86_64 hailstone/lambda-stand-in:latest\n"
	if got, err := os.ReadFile(calls); err != nil || !strings.HasSuffix(string(got), want) {
		t.Errorf("docker was called so:\n%s(%v)", got, err)
	}
}
