package localstack

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Phase tells how far a stack has come.
type Phase string

// The phases of a stack, in order.
const (
	Starting Phase = "starting"
	Ready    Phase = "ready"
	Stopping Phase = "stopping"
)

// State is what the supervisor of an instance has written down: enough for others to
// find and stop the stack, and to clean up after a supervisor that crashed.
type State struct {
	Phase      Phase           `json:"phase"`
	Supervisor ProcessRecord   `json:"supervisor"`
	Processes  []ProcessRecord `json:"processes"`
	Endpoints  Endpoints       `json:"endpoints"`
}

// ProcessRecord identifies a process for longer than its id alone does: ids are
// used again, but not with the same start time.
type ProcessRecord struct {
	Name        string `json:"name"`
	PID         int    `json:"pid"`
	StartMillis int64  `json:"start_millis"`
}

// readState returns the state file's content; fs.ErrNotExist if there is none.
func (i Instance) readState() (*State, error) {
	text, err := os.ReadFile(i.stateFile())
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	var state State
	if err := json.Unmarshal(text, &state); err != nil {
		return nil, fmt.Errorf("read state %s: %w", i.stateFile(), err)
	}
	return &state, nil
}

func (i Instance) writeState(state State) error {
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return writeAtomically(i.stateFile(), append(text, '\n'))
}

// writeAtomically replaces the file by one rename, readable by this user only.
func writeAtomically(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
			err = fmt.Errorf("write %s: %w", filepath.Base(path), err)
		}
	}()
	if _, err = file.Write(content); err != nil {
		_ = file.Close()
		return err
	}
	err = file.Close()
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
