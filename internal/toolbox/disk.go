package toolbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// diskNeeded is what the tools, their downloads and a build of the functions
// take together, with room to spare.
const diskNeeded = 2 << 30

// CheckDisk reports in one line when less than needed bytes are free on the disk of
// dir, for this user.
func CheckDisk(dir string, needed uint64) error {
	free, err := freeDisk(dir)
	if err != nil {
		return err
	}
	if free < needed {
		return fmt.Errorf("only %.1f GB free on the disk of %s, %d GB are needed", float64(free)/(1<<30), dir, needed>>30)
	}
	return nil
}

// freeDisk returns the bytes that this user can still write on the disk of dir.
func freeDisk(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("look up free disk of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil //nolint:gosec // a block size is positive
}
