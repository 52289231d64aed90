package readmodel_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/readmodel"
)

// released returns the views of the released form, by their files. They are what the table
// holds at the time of a deployment, and again after a rollback.
func released(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/view-*.json")
	if err != nil || len(paths) != len(stories) {
		t.Fatalf("%d views for %d stories: %v", len(paths), len(stories), err)
	}
	all := map[string][]byte{}
	for _, path := range paths {
		if all[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// newerView is a view of a release to come, olderView one of a release before that lacked a
// part of the present one.
type (
	newerView struct {
		readmodel.View
		Rating *int `json:"rating"`
	}
	olderView struct {
		ID      string `json:"id"`
		Version int64  `json:"version"`
		Payment struct {
			State string `json:"state"`
		} `json:"payment"`
	}
)

// The code of today on the views of a newer release, which added members at any depth: the
// present ones are read, as after a rollback.
func TestAViewOfANewerReleaseIsRead(t *testing.T) {
	t.Parallel()
	for path, raw := range released(t) {
		want, err := readmodel.Decode(raw)
		if err != nil {
			t.Fatal(path, err)
		}
		rating := 5
		newer, err := json.Marshal(newerView{want, &rating})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			string(newer),
			strings.Replace(string(raw), `"authorized":{`, `"tip":{"amount":0},"authorized":{"at":"2026-11-23T09:30:00Z",`, 1),
			strings.Replace(string(raw), `{`, `{"legs":[{"lat":1}],"note":null,`, 1),
		} {
			if got, err := readmodel.Decode([]byte(text)); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("%s: %v (-want +got):\n%s", text, err, cmp.Diff(want, got))
			}
		}
		// And an older release reads those of today.
		if old, err := readmodel.DecodeAs[olderView](raw); err != nil || old.ID != string(want.ID) || old.Payment.State != string(want.Payment.State) {
			t.Errorf("%s: an older release reads %+v (%v)", path, old, err)
		}
	}
}

// The code of a newer release on the views of today: what it shows and they lack is not made
// up. The log is asked instead, until the views are rebuilt.
func TestAViewThatLacksSomethingIsNotMadeUp(t *testing.T) {
	t.Parallel()
	for path, raw := range released(t) {
		if v, err := readmodel.DecodeAs[newerView](raw); !errors.Is(err, readmodel.ErrUnreadable) {
			t.Errorf("%s: a newer release reads %+v (%v), want ErrUnreadable", path, v, err)
		}
		older, err := json.Marshal(olderView{ID: "bk_1", Version: 1})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := readmodel.Decode(older); !errors.Is(err, readmodel.ErrUnreadable) {
			t.Errorf("the view of an older release is read as %+v (%v)", v, err)
		}
	}
	for _, member := range []string{`"currency":"EUR"`, `"failure":null`, `"driver_id":null`, `"lat":52.52`, `"version":1`} {
		whole := released(t)["testdata/view-requested.json"]
		short := strings.NewReplacer(","+member, "", member+",", "").Replace(string(whole))
		if v, err := readmodel.Decode([]byte(short)); !errors.Is(err, readmodel.ErrUnreadable) {
			t.Errorf("without %s it is read as %+v (%v)", member, v, err)
		}
	}
}

// What is no view, or one with a member of another type, is refused, and the error tells
// nothing of it.
func TestAViewOfAnotherShapeIsRefused(t *testing.T) {
	t.Parallel()
	raw := strings.TrimSpace(string(released(t)["testdata/view-requested.json"]))
	subject := regexp.MustCompile(`"rider_id":"[^"]*"`).ReplaceAllString(raw, `"rider_id":"secret"`)
	for _, text := range []string{
		subject, ``, `{`, `[]`, `null`, `"secret"`, `{"secret":1}`, `{}`, raw + raw,
		strings.Replace(raw, `"version":1`, `"version":"secret"`, 1), strings.Replace(raw, `"label":"`, `"label":["secret"],"x":"`, 1),
		strings.Replace(raw, `"failure":null`, `"failure":{"code":"secret"}`, 1),
	} {
		v, err := readmodel.Decode([]byte(text))
		if !errors.Is(err, readmodel.ErrUnreadable) || v.Readable() || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s is read as %+v (%v)", text, v, err)
		}
	}
}

// A record shows a view if it is that view and more, in the same places of the lists.
func TestWhatARecordShows(t *testing.T) {
	t.Parallel()
	want, err := readmodel.RecordOf(readmodel.View{ID: id, Version: 2, RiderID: "alice", AssignBy: start, Deadline: start})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*readmodel.Record)
		shows  bool
	}{
		"the same": {func(*readmodel.Record) {}, true},
		"more":     {func(r *readmodel.Record) { r.Body = []byte(`{"rating":5,` + string(r.Body[1:])) }, true},
		"less": {func(r *readmodel.Record) {
			r.Body = []byte(strings.Replace(string(r.Body), `"driver_id":null,`, ``, 1))
		}, false},
		"another value": {func(r *readmodel.Record) { r.Body = []byte(strings.Replace(string(r.Body), `"alice"`, `"bob"`, 1)) }, false},
		"more and another value": {func(r *readmodel.Record) {
			r.Body = []byte(strings.Replace(string(r.Body), `"alice"`, `"bob","x":1`, 1))
		}, false},
		"no JSON":                 {func(r *readmodel.Record) { r.Body = []byte(`{`) }, false},
		"another version":         {func(r *readmodel.Record) { r.Version = 3 }, false},
		"another list":            {func(r *readmodel.Record) { r.Rider = "bob" }, false},
		"another place":           {func(r *readmodel.Record) { r.InRider = r.InDeadlines }, false},
		"it waits no longer":      {func(r *readmodel.Record) { r.InWaiting = "" }, false},
		"it has no deadline":      {func(r *readmodel.Record) { r.InDeadlines = "" }, false},
		"the view of another one": {func(r *readmodel.Record) { r.ID = "bk_1" }, false},
	} {
		got := want
		tc.change(&got)
		if got.Shows(want) != tc.shows {
			t.Errorf("%s: shows it is %v, want %v", name, !tc.shows, tc.shows)
		}
	}
}
