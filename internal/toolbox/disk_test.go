package toolbox

import (
	"strings"
	"testing"
)

func TestAFullDiskIsOneClearLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := CheckDisk(dir, 0); err != nil {
		t.Errorf("nothing is needed: %v", err)
	}
	err := CheckDisk(dir, 1<<62)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "are needed") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line with the directory and what is needed", err)
	}
	if err := CheckDisk(dir+"/nowhere", 0); err == nil {
		t.Error("a directory that is not there has a disk")
	}
}
