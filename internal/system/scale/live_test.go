package scale_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
	"github.com/hailstone-rides/hailstone/internal/queue"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/readmodeltest"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// hints is the queue of the projector: it delivers in any order, and some hints twice.
type hints struct {
	mu       sync.Mutex
	messages []queue.Message
	inWork   int
	sent     int
}

func (q *hints) put(h queue.Hint) error {
	body, err := h.Encode()
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for copies := 1 + rand.IntN(5)/4; copies > 0; copies-- {
		q.sent++
		q.messages = append(q.messages, queue.Message{ID: fmt.Sprint(q.sent), Body: body, Receives: 1})
	}
	return nil
}

// take returns up to ten messages from anywhere in the queue.
func (q *hints) take() []queue.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch []queue.Message
	for len(batch) < 10 && len(q.messages) > 0 {
		i, last := rand.IntN(len(q.messages)), len(q.messages)-1
		batch = append(batch, q.messages[i])
		q.messages[i] = q.messages[last]
		q.messages = q.messages[:last]
	}
	q.inWork += len(batch)
	return batch
}

// settle brings back what failed.
func (q *hints) settle(batch []queue.Message, failed []queue.Failure) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inWork -= len(batch)
	for _, f := range failed {
		for _, m := range batch {
			if m.ID == f.ID {
				q.messages = append(q.messages, m)
			}
		}
	}
}

func (q *hints) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages) == 0 && q.inWork == 0
}

// drain projects what there is, in batches as the projector gets them, until the queue
// is empty and until says so.
func (w *world) drain(ctx context.Context, q *hints, until func() bool) {
	p := &readmodel.Projector{Log: w.log, Views: w.live()}
	for {
		batch := q.take()
		if len(batch) == 0 {
			if q.empty() && until() {
				return
			}
			_ = resilience.Sleep(ctx, 5*time.Millisecond)
			continue
		}
		failed := queue.Process(ctx, batch, 10, func(ctx context.Context, d queue.Delivery) error {
			id, ok := booking.IDOf(d.Stream)
			if !ok {
				return queue.ErrMalformed
			}
			_, err := p.Project(ctx, id)
			return err
		})
		q.settle(batch, failed)
		for _, f := range failed {
			w.Errorf("projector: %v", f.Err)
		}
	}
}

// load is what goes on while views are rebuilt: rides begin and move on, the projector
// follows, and people look.
type load struct {
	*world
	hints         *hints
	moved, looked atomic.Int64
	progress      sync.Map // of rides, by booking: how many commits they have
	group         sync.WaitGroup
	stopped       chan struct{}
}

// goesOn begins it. The rides that are there take part, and new ones do.
func (w *world) goesOn(ids []booking.ID) *load {
	l := &load{world: w, hints: &hints{}, stopped: make(chan struct{})}
	var made atomic.Int64
	for range 2 {
		l.group.Go(func() {
			for ; !l.over(); _ = resilience.Sleep(w.Context(), restOfWriter) {
				if rand.IntN(3) == 0 {
					l.moves(bookingID(newRides+int(made.Add(1))), 0)
					continue
				}
				l.moves(ids[rand.IntN(len(ids))], commitsOfRide)
			}
		})
		l.group.Go(func() { w.drain(w.Context(), l.hints, l.over) })
	}
	api := w.api()
	l.group.Go(func() {
		for ; !l.over(); _ = resilience.Sleep(w.Context(), restOfReader) {
			l.looks(api, ids[rand.IntN(len(ids))])
		}
	})
	return l
}

func (l *load) over() bool {
	select {
	case <-l.stopped:
		return true
	default:
		return false
	}
}

// The load is steady, as riders are: it does not grow with the speed of the machine, nor
// take all of it.
const (
	restOfWriter = 50 * time.Millisecond
	restOfReader = 20 * time.Millisecond
)

// newRides is the number of the first ride that begins meanwhile.
const newRides = 1_000_000

// moves appends the next commit of a ride that had so many at first.
func (l *load) moves(id booking.ID, first int) {
	entry, _ := l.progress.LoadOrStore(id, &ride{commits: first})
	r := entry.(*ride)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.commits == readmodeltest.Commits {
		return
	}
	if err := l.rides.Advance(l.Context(), id, r.commits); err != nil {
		l.Error(err)
		return
	}
	r.commits++
	l.moved.Add(1)
	if err := l.hints.put(queue.NewHint(id.Stream(), int64(r.commits), "")); err != nil {
		l.Error(err)
	}
}

type ride struct {
	mu      sync.Mutex
	commits int
}

// looks reads a booking and its rider's list. Neither may fail, whatever is done about
// the views meanwhile, and no list may leave the booking out.
func (l *load) looks(api http.Handler, id booking.ID) {
	who := readmodeltest.RiderOf(id)
	var v readmodel.View
	if !l.get(api, who, "/v1/bookings/"+string(id), &v) {
		return
	}
	if v.ID != id || v.Version < commitsOfRide {
		l.Errorf("%s at version %d; want %s at %d or more", v.ID, v.Version, id, commitsOfRide)
	}
	for path := "/v1/bookings?limit=100"; ; {
		var page struct {
			Items []struct{ ID booking.ID }
			Next  *string `json:"next_cursor"`
		}
		if !l.get(api, who, path, &page) {
			return
		}
		for _, item := range page.Items {
			if item.ID == id {
				return
			}
		}
		if page.Next == nil {
			l.Errorf("%s is not in the list of %s", id, who.Subject)
			return
		}
		path = "/v1/bookings?limit=100&cursor=" + *page.Next
	}
}

func (l *load) get(api http.Handler, who booking.Caller, path string, into any) bool {
	ctx := httpapi.WithRequest(l.Context(), httpapi.Request{ID: "req-1", Caller: &httpapi.Caller{Caller: who}})
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
	l.looked.Add(1)
	body, err := io.ReadAll(answer.Body)
	if answer.Code != http.StatusOK || err != nil || json.Unmarshal(body, into) != nil {
		l.Errorf("GET %s: %d %s", strings.SplitN(path, "?", 2)[0], answer.Code, body)
		return false
	}
	return true
}

// ends stops the writers and the readers, and waits until the projector is done.
func (l *load) ends() {
	close(l.stopped)
	l.group.Wait()
}
