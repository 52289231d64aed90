package localstack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeLogs answers FilterLogEvents as the emulator does: every event since the start
// time, by time.
type fakeLogs struct {
	mu     sync.Mutex
	events []map[string]any
}

func (l *fakeLogs) add(stream string, at int64, messages ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, message := range messages {
		l.events = append(l.events, map[string]any{"logStreamName": stream, "timestamp": at, "message": message})
	}
}

func (l *fakeLogs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DescribeLogGroups") {
		_ = json.NewEncoder(w).Encode(map[string]any{"logGroups": []any{map[string]any{"logGroupName": "/aws/lambda/" + stackName + "-booking"}}})
		return
	}
	var query struct{ StartTime int64 }
	if err := json.NewDecoder(r.Body).Decode(&query); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found := []any{}
	for _, event := range l.events {
		if event["timestamp"].(int64) >= query.StartTime {
			found = append(found, event)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"events": found})
}

func newFakeLogs(t *testing.T) (*fakeLogs, Cloud) {
	t.Helper()
	logs := &fakeLogs{}
	server := httptest.NewServer(logs)
	t.Cleanup(server.Close)
	return logs, Connect(server.URL, region)
}

func TestFollowerCopiesEachInvocationOnce(t *testing.T) {
	t.Parallel()
	logs, cloud := newFakeLogs(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	const began = 1_800_000_000_000
	f := &follower{cloud: cloud, group: "g", file: file, since: time.UnixMilli(began), copied: make(map[string]time.Time)}
	poll := func() {
		t.Helper()
		if err := f.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	logs.add("old", began-1, "before the start")
	logs.add("a", began+1_000, "one", "two\n")
	poll()
	poll()
	logs.add("b", began+900, "late, by its time") // logged before, seen after a's
	logs.add("c", began+60_000, "three")
	poll()
	poll()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	var messages []string
	for line := range strings.Lines(string(text)) {
		_, message, _ := strings.Cut(strings.TrimSpace(line), " ")
		messages = append(messages, message)
	}
	if got, want := strings.Join(messages, "|"), "one|two|late, by its time|three"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(f.copied) != 1 {
		t.Errorf("%d streams are remembered, want only those that can come again", len(f.copied))
	}
}

func TestFollowersCopyTheLastWordsBeforeTheyStop(t *testing.T) {
	t.Parallel()
	logs, cloud := newFakeLogs(t)
	in := newInstance(t)
	paths, stop, err := followLogs(t.Context(), cloud, stackName, in)
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != 1 || paths[0] != in.Log("function-booking") {
		t.Fatalf("got %q", paths)
	}
	logs.add("a", time.Now().UnixMilli(), "goodbye")
	stop()
	text, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), "goodbye") != 1 {
		t.Errorf("got %q", text)
	}
}
