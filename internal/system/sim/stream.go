package sim

import (
	"context"
	"hash/fnv"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/relay"
)

const (
	shards = 2
	// retention is how long the change stream keeps a record.
	retention = 24 * time.Hour
	// What template.yaml sets for both readers.
	readerTimeout = 30 * time.Second
	readerBatch   = 100
)

// Faults of the change stream.
const (
	reordered fault = "reordered"
	rewound   fault = "rewound" // the iterator goes back
	outage    fault = "outage"  // the relay does not run, for hours or longer than the stream keeps records
)

func streamPart() part { return part{faults: odds{reordered: 0.5, rewound: 0.2}} }

// relayFailureDropped has the relay report that it forwarded everything.
const relayFailureDropped Canary = "what the relay could not send is dropped"

// relayPart comes after the queues that the relay sends to.
func relayPart() part {
	return part{onceAWorld: odds{outage: 0.08}, canaries: []Canary{relayFailureDropped}, wire: func(w *World) error {
		r := &relay.Relay{Projection: sender{w.projection}, Payments: sender{w.owed}}
		w.stream = w.reader("relay", r.Forward, relayFailureDropped)
		r.Unreadable = shelf{w.stream}
		w.stream.done = w.relayed
		w.stream.dropped = func(r record) {
			// Whoever lost a record so is found by the sweeper, or else by nobody.
			w.reach(recordWasLost)
			if r.Stream != "" {
				w.lost = append(w.lost, r.Stream)
			}
		}
		return nil
	}}
}

// relayed judges a record that the relay is done with.
func (w *World) relayed(r record) {
	id, names := booking.IDOf(r.Stream)
	if !names {
		return
	}
	// The sweeper would find most of it, in time: that is no excuse.
	if !w.projection.hinted[hinted{r.Stream, r.Last}] || r.Unreadable != nil && !w.owed.hinted[hinted{r.Stream, r.Last}] {
		w.fail("6: what the relay is done with was sent", id, "version %d was not", r.Last)
	}
}

// stream is the change stream of the log, as one of the functions that read it sees
// it. It keeps the order of changes of one item; every commit is an item of its own, so between
// commits there is none.
type stream struct {
	*World
	function string
	forward  func(context.Context, []relay.Record) (int, error)
	// careless is the bug of reporting that everything was forwarded.
	careless Canary
	// done judges a record that the function is done with; dropped is told of one that
	// left the stream before that.
	done, dropped func(record)

	shards                    [shards]*shard
	environs                  []*environment // one for each shard
	stoppedFrom, stoppedUntil time.Time      // an outage of the function
	// awayUntil is until when what the function sends to is away.
	awayUntil func() time.Time
	// unreadables are the records that cannot be read, kept are those on the shelf.
	unreadables int
	kept        map[string]bool
}

// reader makes a function that reads the stream.
func (w *World) reader(function string, forward func(context.Context, []relay.Record) (int, error), careless Canary) *stream {
	s := &stream{
		World: w, function: function, forward: forward, careless: careless, environs: w.environments(function, shards),
		kept: map[string]bool{}, awayUntil: func() time.Time { return time.Time{} },
	}
	w.readers = append(w.readers, s)
	return s
}

type shard struct {
	*stream
	records []record // not forwarded yet
	behind  []record // forwarded, for as long as the stream keeps them
	inWork  int
	limit   int // of a batch, after it failed as a whole
	failed  int // times in a row
	poller  *task
	env     *environment
}

type record struct {
	relay.Record
	at time.Time
	// finished tells that the reader was done with it before the iterator went back.
	finished bool
}

func (s *stream) open() {
	for i := range s.shards {
		sh := &shard{stream: s, limit: readerBatch, env: s.environs[i]}
		sh.poller = s.sched.newTask(s.function+" poller", nil)
		s.shards[i] = sh
		s.sched.start(sh.poller, sh.poll)
	}
}

func (s *stream) add(r relay.Record) {
	for _, r := range s.asShown(r) {
		s.insert(r)
	}
}

func (s *stream) insert(r relay.Record) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.Stream))
	sh := s.shards[h.Sum32()%shards]
	at := len(sh.records)
	if at > sh.inWork && s.strikes(reordered, "stream of "+s.function) {
		s.reach(streamWasReordered)
		at -= 1 + s.src.pick("reordered for "+s.function, at-sh.inWork)
	}
	sh.records = slices.Insert(sh.records, at, record{Record: r, at: time.Now()})
	s.wake(sh.poller)
}

func (s *stream) empty() bool {
	return !slices.ContainsFunc(s.shards[:], func(sh *shard) bool { return len(sh.records) > 0 })
}

// poll hands records to the function for as long as the world lasts.
func (sh *shard) poll(t *task) {
	for {
		sh.expire()
		switch now := time.Now(); {
		case sh.stoppedFrom.Before(now) && now.Before(sh.stoppedUntil):
			sh.sched.park(t, sh.stoppedUntil)
			continue
		case len(sh.records) == 0:
			sh.sched.park(t, never)
			continue
		}
		sh.inWork = 1 + sh.src.pick("batch of "+sh.function, min(len(sh.records), sh.limit))
		sh.run(t)
		for sh.inWork > 0 {
			sh.sched.park(t, never) // the invocation's end wakes it, and news do
		}
		wait := 100 * time.Millisecond
		if sh.failed > 0 {
			wait = min(time.Second<<min(sh.failed, 10), 5*time.Minute)
		}
		sh.sched.park(t, time.Now().Add(wait))
	}
}

// expire drops what the stream keeps no longer.
func (sh *shard) expire() {
	for len(sh.records) > 0 && time.Since(sh.records[0].at) > retention {
		lost := sh.records[0]
		sh.records = sh.records[1:]
		sh.tell(string(lost.Stream), "the stream drops %s@%d after a day; the %s had not read it", lost.Stream, lost.Last, sh.function)
		sh.expired(lost)
		sh.dropped(lost)
	}
	for len(sh.behind) > 0 && time.Since(sh.behind[0].at) > retention {
		sh.behind = sh.behind[1:]
	}
}

func (sh *shard) run(poller *task) {
	batch := slices.Clone(sh.records[:sh.inWork])
	records := make([]relay.Record, len(batch))
	for i, r := range batch {
		records[i] = r.Record
	}
	done := 0
	sh.invoke(sh.env, readerTimeout, func(ctx context.Context, _ *invocation) {
		failedAt, err := sh.withCanary(ctx, records)
		if err == nil || sh.canary == sh.careless {
			failedAt = len(records)
		}
		done = failedAt
	}, func(alive bool) {
		if !alive {
			done = 0
			sh.limit = max(1, len(batch)/2)
		} else {
			sh.limit = readerBatch
		}
		sh.inWork = 0
		sh.move(done, done < len(batch))
		sh.wake(poller)
	})
}

// move advances the iterator over what was forwarded.
func (sh *shard) move(done int, failed bool) {
	sh.failed++
	if !failed {
		sh.failed = 0
	} else {
		sh.reach(relayTriedAgain)
	}
	if done > 0 {
		sh.progressed()
	}
	for i, r := range sh.records[:done] {
		sh.records[i].finished = true
		if r.Unreadable != nil {
			sh.isKept(r)
		}
		sh.done(r)
	}
	sh.behind = append(sh.behind, sh.records[:done]...)
	sh.records = slices.Clone(sh.records[done:])
	if n := len(sh.behind); n > 0 && sh.strikes(rewound, "stream of "+sh.function) {
		sh.reach(streamWasRewound)
		back := n - 1 - sh.src.pick("rewound for "+sh.function, min(n, 20))
		sh.records = append(slices.Clone(sh.behind[back:]), sh.records...)
		sh.behind = sh.behind[:back:back]
	}
}
