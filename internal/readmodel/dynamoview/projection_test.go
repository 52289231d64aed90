package dynamoview_test

import (
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// Projections share a table and see nothing of each other, in no list and no walk:
// 1 and 11 least of all.
func TestProjectionsDoNotTouchEachOther(t *testing.T) {
	t.Parallel()
	db := dynamolocal.New(t)
	one, eleven := dynamoview.New(db.Client, db.Tables.Views, 1), dynamoview.New(db.Client, db.Tables.Views, 11)
	v := readmodeltest.Waiting(id, 4, noon)
	v.Deadline = noon
	if err := one.Put(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	sees := func(s *dynamoview.Store, want int) {
		t.Helper()
		_, ok, err := s.Get(t.Context(), id)
		mine, _, errMine := s.ByRider(t.Context(), readmodeltest.Rider(), readmodel.Place{}, 10)
		waiting, _, errWaiting := s.Waiting(t.Context(), readmodel.Place{}, 10)
		overdue, _, errOverdue := s.Overdue(t.Context(), readmodel.OverdueQuery{Shard: readmodel.DeadlineShard(id), By: noon.Add(time.Hour), Limit: 10})
		records, errRecords := s.Records(t.Context(), []booking.ID{id})
		walked, _, errWalk := s.Walk(t.Context(), readmodel.Segment{Of: 1}, "", 100)
		for _, err := range []error{err, errMine, errWaiting, errOverdue, errRecords, errWalk} {
			if err != nil {
				t.Error(err)
			}
		}
		if ok != (want == 1) || len(mine) != want || len(waiting) != want || len(overdue) != want || len(records) != want || len(walked) != want {
			t.Errorf("got %v, lists %d, %d, %d, records %d, walk %d; want %d everywhere", ok, len(mine), len(waiting), len(overdue), len(records), len(walked), want)
		}
	}
	sees(one, 1)
	sees(eleven, 0)
	if err := eleven.Drop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	sees(one, 1)
}
