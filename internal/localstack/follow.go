package localstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// The emulator keeps what functions print in its CloudWatch Logs, in memory, one log
// stream per invocation. The follower copies it to a file per function, so that
// `tail -f` works and the logs outlive the emulator.
type follower struct {
	cloud  Cloud
	group  string
	file   *os.File
	since  time.Time
	copied map[string]time.Time // streams that are in the file, with the time of their events
}

const (
	// followEvery is how often the log is asked for. A poll that takes long is
	// followed by a longer pause: reading logs must not slow down what they are about.
	followEvery   = time.Second
	finishTimeout = 2 * time.Second
	pausePerPoll  = 10
	followOverlap = 5 * time.Second // events may appear later than their time says
	followPage    = 10_000          // events in one answer; the emulator has no next page
)

// followLogs copies the logs of a stack's functions until stop is called, which
// copies what is left. It returns the files' paths once they exist.
func followLogs(ctx context.Context, cloud Cloud, stack string, in Instance) (paths []string, stop func(), err error) {
	prefix := "/aws/lambda/" + stack + "-"
	out, err := cloud.Logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &prefix})
	if err != nil {
		return nil, nil, fmt.Errorf("list logs of functions: %w", err)
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var followers sync.WaitGroup
	stop = func() {
		cancel()
		followers.Wait()
	}
	for _, group := range out.LogGroups {
		name := aws.ToString(group.LogGroupName)
		path := in.Log("function-" + strings.TrimPrefix(name, prefix))
		file, err := os.Create(path)
		if err != nil {
			stop()
			return nil, nil, fmt.Errorf("follow logs of %s: %w", name, err)
		}
		paths = append(paths, path)
		f := &follower{cloud: cloud, group: name, file: file, since: time.Now().Add(-time.Minute), copied: make(map[string]time.Time)}
		followers.Go(func() { f.run(following) })
	}
	return paths, stop, nil
}

func (f *follower) run(ctx context.Context) {
	defer func() { _ = f.file.Close() }()
	for {
		began := time.Now()
		if err := f.poll(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintf(f.file, "-- logs could not be read: %v\n", err)
		}
		select {
		case <-time.After(max(followEvery, pausePerPoll*time.Since(began))):
		case <-ctx.Done():
			f.finish(ctx)
			return
		}
	}
}

// finish copies what came since the last poll, while the emulator still runs.
func (f *follower) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	_ = f.poll(ctx) // an emulator that has ended has nothing left to copy
}

// poll copies what is new. An invocation's log appears as a whole, so a stream that
// was copied once is done.
func (f *follower) poll(ctx context.Context) error {
	out, err := f.cloud.Logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &f.group, StartTime: aws.Int64(f.since.UnixMilli()),
	})
	if notFound := (*types.ResourceNotFoundException)(nil); errors.As(err, &notFound) {
		return nil // the stack is being replaced
	}
	if err != nil {
		return err
	}
	newest, found := f.since, make(map[string]time.Time)
	for _, event := range out.Events {
		at := time.UnixMilli(aws.ToInt64(event.Timestamp))
		stream := aws.ToString(event.LogStreamName)
		if _, done := f.copied[stream]; !done {
			fmt.Fprintf(f.file, "%s %s\n", at.Format("15:04:05.000"), strings.TrimRight(aws.ToString(event.Message), "\n"))
			found[stream] = at
		}
		if at.After(newest) {
			newest = at
		}
	}
	for stream, at := range found {
		f.copied[stream] = at
	}
	overlap := followOverlap
	if len(out.Events) >= followPage {
		overlap = 0 // more than a page since then: go on from its end
	}
	if start := newest.Add(-overlap); start.After(f.since) {
		f.since = start
	}
	for stream, at := range f.copied {
		if at.Before(f.since) {
			delete(f.copied, stream)
		}
	}
	return nil
}
