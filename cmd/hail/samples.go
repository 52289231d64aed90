package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// samples invokes the functions on the sample events of events/, each in Docker by sam
// local invoke. They are one story: a booking is requested, relayed, paid, projected and read.
type samples struct {
	stack *localstack.SAMLocal
	dir   string
}

func (s samples) check(ctx context.Context, a *app, report *smoke.Report) {
	for _, check := range []struct {
		function, event, means string
		judge                  func(context.Context, []byte) error
	}{
		{"BookingFunction", "booking-create", "requests a booking", answers(http.StatusCreated, `"state":"requested"`)},
		{"RelayFunction", "relay", "sends the hints that the other samples have", s.relayed},
		{"PublisherFunction", "publisher", "puts what happened on the event bus", succeeds},
		{"PaymentFunction", "payment", "has the payment authorized", succeeds},
		{"ProjectorFunction", "projector", "writes the view", succeeds},
		{"BookingFunction", "booking-read", "reads the booking, confirmed", answers(http.StatusOK, `"state":"confirmed"`)},
		{"SweeperFunction", "sweeper", "asks for the daily audit", s.audits},
		{"RebuildFunction", "rebuild", "finds that the sample's run is over", succeeds},
	} {
		report.Check(ctx, a.progress(), fmt.Sprintf("sam local invoke %s --event events/%s.json %s", check.function, check.event, check.means), func() error {
			answer, err := s.stack.Invoke(ctx, check.function, filepath.Join(s.dir, check.event+".json"))
			if err != nil {
				return err
			}
			return check.judge(ctx, answer)
		})
	}
}

// answers expects an answer of the HTTP API with text in its body.
func answers(status int, text string) func(context.Context, []byte) error {
	return func(_ context.Context, answer []byte) error {
		var response struct {
			StatusCode int
			Body       string
		}
		if err := json.Unmarshal(answer, &response); err != nil || response.StatusCode != status || !strings.Contains(response.Body, text) {
			return fmt.Errorf("it answers %s, want %d with %s", answer, status, text)
		}
		return nil
	}
}

// is expects an answer, spaces aside: SAM writes JSON in a way of its own.
func is(want string) func(context.Context, []byte) error {
	return func(_ context.Context, answer []byte) error {
		var got bytes.Buffer
		if err := json.Compact(&got, answer); err != nil || got.String() != want {
			return fmt.Errorf("it answers %s, want %s", answer, want)
		}
		return nil
	}
}

// succeeds expects that nothing of a batch failed.
func succeeds(ctx context.Context, answer []byte) error {
	return is(`{"batchItemFailures":[]}`)(ctx, answer)
}

// relayed expects on each queue the hints of the sample that stands for it.
func (s samples) relayed(ctx context.Context, answer []byte) error {
	failures := []error{succeeds(ctx, answer)}
	for queue, sample := range map[string]string{"ProjectionQueue": "projector", "PaymentsQueue": "payment"} {
		want, err := s.bodies(sample)
		if err != nil {
			return err
		}
		got, err := s.stack.Received(ctx, queue)
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("%s got %q, want %q", queue, got, want)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// audits expects the tasks of a walk through the log.
func (s samples) audits(ctx context.Context, answer []byte) error {
	tasks, err := s.stack.Received(ctx, "RebuildQueue")
	if err == nil && (len(tasks) == 0 || !strings.Contains(tasks[0], `"run":"audit-`)) {
		err = fmt.Errorf("RebuildQueue got %q, want the tasks of an audit", tasks)
	}
	return errors.Join(is("null")(ctx, answer), err)
}

// bodies returns those of a sample's messages.
func (s samples) bodies(sample string) (bodies []string, err error) {
	text, err := os.ReadFile(filepath.Join(s.dir, sample+".json"))
	if err != nil {
		return nil, err
	}
	var event struct{ Records []struct{ Body string } }
	if err := json.Unmarshal(text, &event); err != nil {
		return nil, fmt.Errorf("read sample %s: %w", sample, err)
	}
	for _, record := range event.Records {
		bodies = append(bodies, record.Body)
	}
	return bodies, nil
}
