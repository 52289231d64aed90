package localstack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newInstance(t *testing.T) Instance {
	t.Helper()
	in, err := At(filepath.Join(t.TempDir(), "instance"))
	if err != nil {
		t.Fatal(err)
	}
	if err := in.create(); err != nil {
		t.Fatal(err)
	}
	return in
}

func sampleEndpoints() Endpoints {
	return Endpoints{
		API: "http://127.0.0.1:4566/_aws/execute-api/abc", Paysim: "http://127.0.0.1:12111", AWS: "http://127.0.0.1:4566",
		StackName: "hailstone-local", Region: "eu-central-1", UserPoolID: "eu-central-1_x", UserPoolClientID: "y",
	}
}

func TestEnvFileTellsOtherProgramsWhatItSays(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	text, err := sampleEndpoints().dotenv()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"API_URL=http://127.0.0.1:4566/_aws/execute-api/abc", "AWS_ACCESS_KEY_ID=test", "STACK_NAME=hailstone-local"} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in:\n%s", line, text)
		}
	}
	if err := writeAtomically(in.EnvFile(), []byte(text)); err != nil {
		t.Fatal(err)
	}
	got, err := in.Endpoints()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleEndpoints(), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEnvFileOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	if _, err := in.Endpoints(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: got %v", err)
	}
	if err := writeAtomically(in.EnvFile(), []byte("API_URL=http://x\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Endpoints(); err == nil || !strings.Contains(err.Error(), "PAYSIM_URL is missing") {
		t.Errorf("got %v, want what is missing", err)
	}
}

func TestValuesThatNeedQuotingAreNotWritten(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"a b", "$HOME", "a\nB=c", `"x"`, "#x", "`id`"} {
		e := sampleEndpoints()
		e.StackName = value
		if text, err := e.dotenv(); err == nil {
			t.Errorf("%q was written:\n%s", value, text)
		}
	}
}

func TestFilesAreForThisUserOnlyAndReplacedWhole(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	for _, content := range []string{"first and longer", "second"} {
		if err := writeAtomically(in.EnvFile(), []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(in.EnvFile())
		if string(got) != content {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
	}
	info, err := os.Stat(in.EnvFile())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, want 0600", info.Mode().Perm())
	}
	leftovers, err := filepath.Glob(in.EnvFile() + ".*")
	if len(leftovers) != 0 {
		t.Errorf("left behind: %v, %v", leftovers, err)
	}
}

func TestStateIsReadBack(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	want := State{
		Phase: Ready, Supervisor: ProcessRecord{Name: "supervisor", PID: 1, StartMillis: 2},
		Processes: []ProcessRecord{{Name: "p", PID: 3, StartMillis: 4}}, Endpoints: sampleEndpoints(),
	}
	if err := in.writeState(want); err != nil {
		t.Fatal(err)
	}
	got, err := in.readState()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestInstanceRunsWhileItIsClaimed(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	expectRunning := func(want bool) {
		t.Helper()
		state, err := in.Running()
		if err != nil || (state != nil) != want {
			t.Errorf("got %+v, %v, want running: %v", state, err, want)
		}
	}
	expectRunning(false)
	release, ok, err := in.claim()
	if err != nil || !ok {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	expectRunning(true)
	if _, ok, err := in.claim(); ok || err != nil {
		t.Errorf("second claim: %v, %v, want none", ok, err)
	}
	release()
	expectRunning(false)
}

func TestSecondStartIsRefused(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	release, _, err := in.claim()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	steps := NewSteps(&strings.Builder{}, 0, time.Now)
	if _, err := Start(t.Context(), in, Options{Steps: steps}); !errors.Is(err, ErrRunning) {
		t.Errorf("got %v, want %v", err, ErrRunning)
	}
}
