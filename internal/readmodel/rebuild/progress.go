package rebuild

import (
	"context"
	"fmt"
	"time"

	"github.com/hailstone-rides/hailstone/internal/control"
	"github.com/hailstone-rides/hailstone/internal/events"
)

// Progress is the control document of one segment: how far its worker has come. The
// next run over the same segment begins it anew.
type Progress struct {
	Run   string `json:"run"`
	Stage Stage  `json:"stage"`
	// After is the last commit of the last stream that is done, AfterView where a
	// walk over views goes on.
	After     events.Cursor `json:"after,omitzero"`
	AfterView string        `json:"after_view,omitzero"`
	Counts    Counts        `json:"counts,omitzero"`
	// Findings are the first of what was found.
	Findings []Finding `json:"findings,omitzero"`
	// Open are the findings of the page in work, of which OpenCount are noted: before
	// anything is mended.
	Open      []Finding `json:"open,omitzero"`
	OpenCount int64     `json:"open_count,omitzero"`
	// At is when this was written, Began when the first worker began.
	At    time.Time `json:"at"`
	Began time.Time `json:"began"`
	// Slices counts the workers that began.
	Slices int `json:"slices"`
}

// Stage is what part of its work a segment is at.
type Stage string

// The stages, in the order in which a run goes through those that its work has.
const (
	stageLog    Stage = "log"
	stageViews  Stage = "views"
	stageLeases Stage = "leases"
	stageDone   Stage = "done"
)

// Over tells whether the segment is done.
func (p Progress) Over() bool { return p.Stage == stageDone }

// firstStage returns where a run begins.
func (r Run) firstStage() Stage {
	if r.Work == Drop {
		return stageViews
	}
	return stageLog
}

// following returns the stage after one.
func (r Run) following(s Stage, segment int) Stage {
	switch {
	case r.Work == Inspect && s == stageLog:
		return stageViews
	case r.Work == Inspect && s == stageViews && segment == 0: // they are few
		return stageLeases
	default:
		return stageDone
	}
}

// maxFindings bounds what a document keeps of what was found.
const maxFindings = 25

func segmentDocument(segment int) string { return fmt.Sprintf("projection/segment-%03d", segment) }

// ReadProgress returns the progress of a run's segment, the zero Progress if no
// worker has begun it, and the document's revision.
func ReadProgress(ctx context.Context, s control.Store, run Run, segment int) (Progress, int64, error) {
	p, revision, err := control.Read[Progress](ctx, s, segmentDocument(segment))
	if p.Run != run.ID {
		p = Progress{}
	}
	return p, revision, err
}

// ReadAllProgress returns the progress of all segments of a run.
func ReadAllProgress(ctx context.Context, s control.Store, run Run) ([]Progress, error) {
	all := make([]Progress, run.Segments)
	for i := range all {
		var err error
		if all[i], _, err = ReadProgress(ctx, s, run, i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Sum adds up the segments of a run, and tells how many are over.
func Sum(all []Progress) (counts Counts, findings []Finding, over int) {
	for _, p := range all {
		counts = counts.Plus(p.Counts)
		findings = append(findings, p.Findings...)
		if p.Over() {
			over++
		}
	}
	return counts, findings[:min(len(findings), maxFindings)], over
}
