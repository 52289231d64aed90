package rebuild

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// taskVersion is the format of tasks; workers refuse every other.
const taskVersion = 1

// Task is a message: work on a segment of a run.
type Task struct {
	V       int    `json:"v"`
	Run     string `json:"run"`
	Segment int    `json:"segment"`
}

// ErrMalformed is a message that is no task. It belongs in the dead-letter queue.
var ErrMalformed = errors.New("malformed task")

// Encode returns the task's JSON.
func (t Task) Encode() ([]byte, error) { return json.Marshal(t) }

// ParseTask reads a task strictly. Its errors repeat nothing of the body.
func ParseTask(body []byte) (Task, error) {
	var t Task
	if err := json.Unmarshal(body, &t, json.RejectUnknownMembers(true)); err != nil {
		return Task{}, fmt.Errorf("%w: no JSON with the fields of a task", ErrMalformed)
	}
	if t.V != taskVersion || t.Run == "" || t.Segment < 0 {
		return Task{}, fmt.Errorf("%w: version %d, or run or segment is missing", ErrMalformed, t.V)
	}
	return t, nil
}

// Tasks takes the messages for workers. It is safe for concurrent use.
type Tasks interface {
	// SendTasks puts tasks on the workers' queue. After an error some may be there;
	// sending them again is harmless.
	SendTasks(ctx context.Context, tasks []Task) error
}
