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

// Queue takes the messages for workers. It is safe for concurrent use.
type Queue interface {
	// SendBodies puts messages on the queue. It returns the indexes of those that may
	// not have got there, and why; sending them again is harmless.
	SendBodies(ctx context.Context, bodies [][]byte) (failed []int, err error)
}

func send(ctx context.Context, q Queue, tasks []Task) error {
	bodies := make([][]byte, len(tasks))
	for i, t := range tasks {
		var err error
		if bodies[i], err = t.Encode(); err != nil {
			return err
		}
	}
	_, err := q.SendBodies(ctx, bodies)
	return err
}
