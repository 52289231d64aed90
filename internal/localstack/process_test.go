package localstack

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/toolbox/procgroup"
)

// shell starts a shell script as a child and stops it at the end of the test.
func shell(t *testing.T, in Instance, script string) *child {
	t.Helper()
	c, err := startChild(t.Context(), in, "script", in.Log("script"), os.Environ(), "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stopGroup(c.record.PID, 0); err != nil {
			t.Error(err)
		}
	})
	return c
}

// await waits until the script has printed the text.
func await(t *testing.T, c *child, text string) {
	t.Helper()
	if !within(10*time.Second, func() bool {
		printed, err := os.ReadFile(c.log)
		return err == nil && strings.Contains(string(printed), text)
	}) {
		t.Fatalf("the script did not print %q", text)
	}
}

func TestStopGroupEndsGrandchildrenToo(t *testing.T) {
	t.Parallel()
	c := shell(t, newInstance(t), `sleep 600 & echo ready; wait`)
	await(t, c, "ready")
	if err := stopGroup(c.record.PID, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if groupRuns(c.record.PID) {
		t.Error("something of the group runs")
	}
	<-c.ended
}

func TestStopGroupKillsWhatDoesNotListen(t *testing.T) {
	t.Parallel()
	c := shell(t, newInstance(t), `trap "" TERM; sleep 600 & echo ready; while :; do wait; done`)
	await(t, c, "ready")
	if err := stopGroup(c.record.PID, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if groupRuns(c.record.PID) {
		t.Error("something of the group runs")
	}
}

func TestStopGroupOfNothing(t *testing.T) {
	t.Parallel()
	c := shell(t, newInstance(t), "exit 0")
	<-c.ended
	if err := stopGroup(c.record.PID, 0); err != nil {
		t.Error(err)
	}
}

func TestLeftoverIsStopped(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	c := shell(t, in, "echo ready; sleep 600")
	await(t, c, "ready")
	stopped, err := c.record.stopLeftover(in.dir)
	if !stopped || err != nil {
		t.Errorf("got %v, %v", stopped, err)
	}
	<-c.ended
	if stopped, err := c.record.stopLeftover(in.dir); stopped || err != nil {
		t.Errorf("again: got %v, %v, want nothing to stop", stopped, err)
	}
}

func TestProcessThatGotTheSameIDIsLeftAlone(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	c := shell(t, in, "echo ready; sleep 600")
	await(t, c, "ready")
	record := c.record
	record.StartMillis -= time.Hour.Milliseconds()
	if stopped, err := record.stopLeftover(in.dir); stopped || err != nil {
		t.Errorf("got %v, %v, want it left alone", stopped, err)
	}
	if !c.record.stillRuns() {
		t.Error("it does not run any more")
	}
}

// The emulator may have been killed while the functions that it started run on.
func TestMembersOfADeadLeadersGroupAreStoppedIfTheyWorkInTheInstance(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	script := `(cd ` + in.tempDir() + ` && exec sleep 600) & inside=$!; (cd / && exec sleep 600) & echo "pids $inside $! end"`
	c := shell(t, in, script)
	await(t, c, "end")
	<-c.ended
	var inside, outside int
	printed, err := os.ReadFile(c.log)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(printed))
	if inside, err = strconv.Atoi(fields[1]); err != nil {
		t.Fatal(err)
	}
	if outside, err = strconv.Atoi(fields[2]); err != nil {
		t.Fatal(err)
	}
	if stopped, err := c.record.stopLeftover(in.dir); !stopped || err != nil {
		t.Errorf("got %v, %v", stopped, err)
	}
	expect := func(pid int, want bool) {
		t.Helper()
		if !within(5*time.Second, func() bool { return memberRuns(t, c.record.PID, pid) == want }) {
			t.Errorf("process %d: want running: %v", pid, want)
		}
	}
	expect(inside, false)
	expect(outside, true)
}

// memberRuns reports whether the process of the group runs.
func memberRuns(t *testing.T, pgid, pid int) bool {
	t.Helper()
	members, err := groupMembers(pgid)
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range members {
		status, err := member.Status()
		if int(member.Pid) == pid && err == nil && !strings.Contains(strings.Join(status, " "), "zombie") {
			return true
		}
	}
	return false
}

func TestProgramThatIsMissing(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	missing := filepath.Join(in.dir, "missing")
	if _, err := startChild(t.Context(), in, "thing", in.Log("x"), nil, missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "start thing") {
		t.Errorf("got %v", err)
	}
}

func TestDownAfterACrashCleansUp(t *testing.T) {
	t.Parallel()
	in := newInstance(t)
	c := shell(t, in, "echo ready; sleep 600")
	await(t, c, "ready")
	if err := in.writeState(State{Phase: Ready, Processes: []ProcessRecord{c.record}}); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	stopped, err := in.Down(NewSteps(&shown, 0, time.Now))
	if !stopped || err != nil || !strings.Contains(shown.String(), "stopped the script") {
		t.Errorf("got %v, %v, shown %q", stopped, err, shown.String())
	}
	if procgroup.Alive(c.record.PID) && groupRuns(c.record.PID) {
		t.Error("it still runs")
	}
	if stopped, err := in.Down(NewSteps(&shown, 0, time.Now)); stopped || err != nil {
		t.Errorf("again: got %v, %v, want nothing to stop", stopped, err)
	}
}

// Somebody deletes the folder while the stack runs: down finds its processes all the same,
// and no one else's.
func TestDownAfterTheFolderWasDeleted(t *testing.T) {
	t.Parallel()
	in, other := newInstance(t), newInstance(t)
	c, bystander := shell(t, in, "echo ready; sleep 600 & sleep 600"), shell(t, other, "echo ready; sleep 600")
	await(t, c, "ready")
	await(t, bystander, "ready")
	if err := in.writeState(State{Phase: Ready, Processes: []ProcessRecord{c.record}}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(in.dir); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	stopped, err := in.Down(NewSteps(&shown, 0, time.Now))
	if !stopped || err != nil || !strings.Contains(shown.String(), "left behind") {
		t.Errorf("got %v, %v, shown %q", stopped, err, shown.String())
	}
	if groupRuns(c.record.PID) {
		t.Error("it still runs")
	}
	if !groupRuns(bystander.record.PID) {
		t.Error("another instance's process was stopped")
	}
	if err := stopGroup(bystander.record.PID, grace); err != nil {
		t.Error(err)
	}
	if stopped, err := in.Down(NewSteps(&shown, 0, time.Now)); stopped || err != nil {
		t.Errorf("again: got %v, %v, want nothing to stop", stopped, err)
	}
}
