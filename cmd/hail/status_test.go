package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

func TestStatusTellsWhatWaits(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	contains(t, o.hail(t, exitOK, "status"), "projection", "payments", "rebuild", "0 of the 0 newest bookings", "closed", "1 is read; no audit yet", "Nothing needs attention.")
	o.books(t, "1")
	o.Put("payments", "m-1", "{}", time.Minute)
	o.dead(t, "projection", "letter-1", booking.IDFor(booking.Caller{}, "nobody's"), time.Hour)
	o.Put("rebuild-dead", "letter-2", "hello", time.Hour)
	text := o.hail(t, exitDiffer, "status")
	contains(t, text, "1 of the 1 newest bookings", "ATTENTION  1 dead letters of the projection queue", "ATTENTION  1 dead letters of the rebuild queue")
	var report struct {
		Queues    []struct{ Waiting, Dead int }
		Attention []string
	}
	if err := json.Unmarshal([]byte(o.hail(t, exitDiffer, "--json", "status")), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Queues) != 4 || report.Queues[0].Waiting != 1 || report.Queues[1].Dead != 1 || len(report.Attention) != 2 {
		t.Errorf("%+v", report)
	}
	o.Fail = func(string) string { return "AccessDenied" }
	contains(t, o.hail(t, exitDiffer, "status"), "NOT KNOWN  queues: ", "breaker")
}

func TestDeadTasksOfRebuildsAreJudged(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	o.Put("rebuild-dead", "letter-1", "hello", time.Hour)
	o.Put("rebuild-dead", "letter-2", `{"v":1,"run":"rebuild-2-scanning-0","segment":3}`, time.Hour)
	text := o.hail(t, exitOK, "dlq", "list", "--queue", "rebuild")
	contains(t, text, "letter-1", "malformed task", "letter-2", "another message by itself")
	o.hail(t, exitOK, "dlq", "purge", "--queue", "rebuild", "--reason", "malformed", "--yes")
	if left := o.Messages("rebuild-dead"); len(left) != 1 || left[0].ID != "letter-2" {
		t.Errorf("left: %+v", left)
	}
	o.hail(t, exitOK, "dlq", "redrive", "--queue", "rebuild", "--all", "--yes")
	if sent := o.Messages("rebuild"); len(sent) != 1 {
		t.Errorf("sent: %+v", sent)
	}
}
