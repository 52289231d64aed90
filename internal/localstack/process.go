package localstack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/hailstone-rides/hailstone/internal/toolbox/procgroup"
)

// grace is how long a process group has to end after SIGTERM before it is killed.
const grace = 5 * time.Second

// child is a process that this one started as a group of its own.
type child struct {
	record ProcessRecord
	log    string
	ended  chan struct{} // closed when the process has ended
}

// instanceVar marks every process that is started for an instance with its directory, so
// that it can be found when the directory, and the state in it, are gone.
const instanceVar = "HAIL_INSTANCE_DIR"

// startChild starts a program of the instance with its output in the log.
func startChild(ctx context.Context, in Instance, name, log string, env []string, program string, args ...string) (*child, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = out.Close() }()
	// Its end is for the supervisor to order, so the context does not end it.
	cmd := procgroup.Command(context.WithoutCancel(ctx), program, args...)
	cmd.Env = append(slices.Clone(env), instanceVar+"="+in.dir)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{log: log, ended: make(chan struct{})}
	c.record = ProcessRecord{Name: name, PID: cmd.Process.Pid, StartMillis: startMillis(cmd)}
	go func() {
		_ = cmd.Wait() // whoever waits for it says what its end means
		close(c.ended)
	}()
	return c, nil
}

// startMillis is asked for before Wait can free the id.
func startMillis(cmd *exec.Cmd) int64 {
	started, err := createTime(cmd.Process.Pid)
	if err != nil {
		return time.Now().UnixMilli()
	}
	return started
}

func createTime(pid int) (int64, error) {
	p, err := process.NewProcess(int32(pid)) //nolint:gosec // process ids fit
	if err != nil {
		return 0, err
	}
	return p.CreateTime()
}

// stopGroup ends the process group: SIGTERM, and SIGKILL for what is left after the
// grace period. It returns when no process of the group is left.
func stopGroup(pgid int, grace time.Duration) error {
	if err := procgroup.Signal(pgid, syscall.SIGTERM); err != nil {
		return err
	}
	if awaitGroupEnd(pgid, grace) {
		return nil
	}
	if err := procgroup.Signal(pgid, syscall.SIGKILL); err != nil {
		return err
	}
	if !awaitGroupEnd(pgid, grace) {
		return fmt.Errorf("process group %d does not end", pgid)
	}
	return nil
}

func awaitGroupEnd(pgid int, limit time.Duration) bool {
	return within(limit, func() bool { return !groupRuns(pgid) })
}

// within asks again and again whether a condition holds, until the limit is over. No
// context ends it: it waits for what has to be waited for after an interrupt, too.
func within(limit time.Duration, holds func() bool) bool {
	over := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-over:
			return holds()
		}
	}
	return true
}

// groupRuns reports whether any process of the group still runs. The kernel counts a
// process that ended as long as nobody asked for its result, which the first process
// of a container often never does; such a one does not run.
func groupRuns(pgid int) bool {
	if !procgroup.Alive(pgid) {
		return false
	}
	members, err := groupMembers(pgid)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(members, func(p *process.Process) bool {
		status, err := p.Status()
		return err == nil && !slices.Contains(status, process.Zombie)
	})
}

// startTolerance covers what the computed start time of a process moves when the
// machine's clock is set.
const startTolerance = 2 * time.Second

// stillRuns reports whether the process is the one recorded and not another that
// got the same id since.
func (r ProcessRecord) stillRuns() bool {
	started, err := createTime(r.PID)
	return err == nil && time.Duration(abs(started-r.StartMillis))*time.Millisecond <= startTolerance
}

func abs(n int64) int64 { return max(n, -n) }

// stopLeftover ends what a crashed supervisor left of the recorded process: the
// process with its group, or, if the process itself is gone, the members of its group that
// work inside dir, as the functions do that the emulator starts.
func (r ProcessRecord) stopLeftover(dir string) (stopped bool, err error) {
	if !groupRuns(r.PID) {
		return false, nil
	}
	if r.stillRuns() {
		return true, stopGroup(r.PID, grace)
	}
	members, err := groupMembers(r.PID)
	if err != nil {
		return false, fmt.Errorf("look for processes of %s: %w", r.Name, err)
	}
	for _, member := range members {
		cwd, err := member.Cwd()
		if err != nil || !strings.HasPrefix(cwd, dir+string(os.PathSeparator)) {
			continue
		}
		if err := member.Kill(); err != nil {
			return stopped, fmt.Errorf("stop process %d of %s: %w", member.Pid, r.Name, err)
		}
		stopped = true
	}
	return stopped, nil
}

// groupMembers lists the processes of a group.
func groupMembers(pgid int) ([]*process.Process, error) {
	running, err := process.Processes()
	if err != nil {
		return nil, err
	}
	var members []*process.Process
	for _, p := range running {
		if group, err := syscall.Getpgid(int(p.Pid)); err == nil && group == pgid {
			members = append(members, p)
		}
	}
	return members, nil
}
