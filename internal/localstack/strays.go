package localstack

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/shirou/gopsutil/v4/process"
)

// stopStrays ends what still runs for the instance although nothing in its directory says
// so, as after the directory was deleted. It finds processes by the mark that each got when
// it was started, and ends them with their groups. A supervisor that lost them ends by
// itself.
func (i Instance) stopStrays(steps *Steps) (stopped bool, err error) {
	running, err := process.Processes()
	if err != nil {
		return false, fmt.Errorf("look for processes of %s: %w", i.dir, err)
	}
	var groups []int
	for _, p := range running {
		group, err := syscall.Getpgid(int(p.Pid))
		if err == nil && int(p.Pid) != os.Getpid() && !slices.Contains(groups, group) && i.owns(p) {
			groups = append(groups, group)
		}
	}
	var failures []error
	for _, group := range groups {
		if !groupRuns(group) {
			continue
		}
		stopped = true
		steps.Print("stopped what an earlier run left behind (process group %d)\n", group)
		failures = append(failures, stopGroup(group, grace))
	}
	return stopped, errors.Join(failures...)
}

// owns says whether a process was started for the instance. The environment of another
// user's process cannot be read, and such a one was not.
func (i Instance) owns(p *process.Process) bool {
	env, err := p.Environ()
	return err == nil && slices.Contains(env, instanceVar+"="+i.dir)
}
