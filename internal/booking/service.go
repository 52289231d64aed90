package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

// Service is the one way in which anything is written to a booking: load, decide,
// append, and once more from the start when somebody else was first. It is safe
// for concurrent use.
type Service struct {
	// Store keeps the streams.
	Store events.Store
	// Backoff is how long to wait before deciding again after a lost race.
	Backoff resilience.Backoff
	// Sleep waits, or returns the error of a context that ended meanwhile.
	Sleep func(context.Context, time.Duration) error
	// Log is told of broken invariants, which must wake somebody.
	Log Logger
}

// AlarmLease is the message about a driver's lease that another booking held when it was
// to be released. A metric and an alarm are made from it.
const AlarmLease = "lease of another booking"

// Logger is what a Service needs of a slog.Logger: the domain itself writes nowhere.
type Logger interface {
	ErrorContext(ctx context.Context, message string, attributes ...any)
}

// maxRaces bounds how often one call decides again. Each loss means that somebody
// else made progress; the caller may repeat the request with the same key.
const maxRaces = 6

// RaceBackoff is the Backoff for lost races: they are over in milliseconds.
func RaceBackoff(random func() float64) resilience.Backoff {
	return resilience.Backoff{Base: 20 * time.Millisecond, Cap: 500 * time.Millisecond, Rand: random}
}

// Envelope is what comes with a command: who gave it, and what makes a repeat of
// it recognizable.
type Envelope struct {
	// CommandID is the same for every repeat of the command, see CommandIDFor.
	CommandID string
	// Request is the canonical form of what the caller sent.
	Request []byte
	Actor   string
	At      time.Time
	Trace   events.Trace
	// IfVersion are the versions of the booking at which alone the command may be
	// carried out; nil means at any. A repeat is answered whatever they are.
	IfVersion []int64
}

// Outcome is a command that was carried out, now or earlier.
type Outcome struct {
	// History ends with the commit of the command; State is its fold.
	History events.History
	State   State
	// Replayed tells that an earlier call had carried it out.
	Replayed bool
}

// Load returns the history of a booking and its fold; both are empty where there
// is no such booking.
func (s *Service) Load(ctx context.Context, id ID) (Outcome, error) {
	h, err := s.Store.Load(ctx, id.Stream())
	if err != nil {
		return Outcome{}, err
	}
	return outcome(h, false)
}

// Create carries out a Request. It reads nothing unless it must: the booking's id
// comes from the caller's key, so a repeat collides with its own first commit. A
// request that would be refused today is still answered as it was when it was
// first granted.
func (s *Service) Create(ctx context.Context, id ID, c Request, env Envelope) (Outcome, error) {
	unread, err := events.NewHistory(id.Stream(), nil)
	if err != nil {
		return Outcome{}, err
	}
	out, err := s.attempt(ctx, unread, c, env)
	var rejected *Rejection
	raced := errors.Is(err, events.ErrConflict)
	if err == nil || !errors.As(err, &rejected) && !raced {
		return out, err
	}
	h, loadErr := s.Store.Load(ctx, id.Stream())
	if loadErr != nil {
		return Outcome{}, loadErr
	}
	if !h.Exists() && !raced {
		return Outcome{}, err
	}
	return s.ExecuteAt(ctx, h, c, env)
}

// Execute carries out any other command on a booking.
func (s *Service) Execute(ctx context.Context, id ID, c Command, env Envelope) (Outcome, error) {
	h, err := s.Store.Load(ctx, id.Stream())
	if err != nil {
		return Outcome{}, err
	}
	return s.ExecuteAt(ctx, h, c, env)
}

// ExecuteAt is Execute for a caller that has just loaded the history; it saves a
// read. A history that has grown old meanwhile costs a lost race, nothing else.
func (s *Service) ExecuteAt(ctx context.Context, h events.History, c Command, env Envelope) (Outcome, error) {
	for race := 1; ; race++ {
		out, err := s.attempt(ctx, h, c, env)
		if !errors.Is(err, events.ErrConflict) || race == maxRaces {
			return out, err
		}
		if err := s.Sleep(ctx, s.Backoff.Delay(race)); err != nil {
			return Outcome{}, fmt.Errorf("decide again on %s: %w: %w", h.Stream(), events.ErrUnavailable, err)
		}
		if h, err = s.Store.Load(ctx, h.Stream()); err != nil {
			return Outcome{}, err
		}
	}
}

// attempt decides once on what h says. The command's own commit, if h has it,
// comes before everything else: no later state can turn a success into a refusal.
func (s *Service) attempt(ctx context.Context, h events.History, c Command, env Envelope) (Outcome, error) {
	if done, ok := h.Command(env.CommandID); ok {
		return replay(h, done, env)
	}
	now, err := outcome(h, false)
	if err != nil {
		return Outcome{}, err
	}
	if env.IfVersion != nil && !slices.Contains(env.IfVersion, now.State.Version) {
		return Outcome{}, reject(CodeVersionMismatch, "The booking is at version %d.", now.State.Version)
	}
	decided, err := Decide(now.State, c)
	if err != nil || len(decided) == 0 {
		return now, err
	}
	draft, err := s.draft(now.State, decided, env)
	if err != nil {
		return Outcome{}, err
	}
	appended, err := s.append(ctx, h.Position(), draft)
	if err != nil {
		return Outcome{}, err
	}
	grown, err := h.With(appended.Commit)
	if err != nil {
		return Outcome{}, err
	}
	return outcome(grown, appended.Replayed)
}

func (s *Service) draft(before State, decided []Event, env Envelope) (events.Draft, error) {
	stored, personal, err := encode(decided)
	return events.Draft{
		CommandID: env.CommandID, Request: env.Request, Events: stored, Personal: personal,
		Actor: env.Actor, RecordedAt: env.At, Trace: env.Trace,
		Lease: driverLease(before, Fold(before, decided)),
	}, err
}

// append stores a draft and puts what can go wrong for reasons of the business
// into the caller's words.
func (s *Service) append(ctx context.Context, at events.Position, draft events.Draft) (events.Appended, error) {
	appended, err := s.Store.Append(ctx, at, draft)
	switch {
	case errors.Is(err, events.ErrCommandReused):
		return appended, keyReused()
	case errors.Is(err, events.ErrLeaseHeld) && draft.Lease.Change == events.LeaseTaken:
		return appended, reject(CodeDriverBusy, "The driver is on another ride.")
	case errors.Is(err, events.ErrLeaseHeld):
		// The driver is free for the other booking; this one must still end.
		s.Log.ErrorContext(ctx, AlarmLease, "lease", draft.Lease.Name, "stream", at.Stream())
		draft.Lease = events.Lease{}
		return s.append(ctx, at, draft)
	default:
		return appended, err
	}
}

// driverLease is what happens to the lease that a driver's one active ride holds.
func driverLease(before, after State) events.Lease {
	switch was, is := before.Driver(), after.Driver(); {
	case was == is:
		return events.Lease{}
	case is != "":
		return events.Lease{Name: DriverLease(is), Change: events.LeaseTaken}
	default:
		return events.Lease{Name: DriverLease(was), Change: events.LeaseReleased}
	}
}

// DriverLease names the lease that a driver's active ride holds.
func DriverLease(driverID string) string { return "driver/" + driverID }

// replay answers a command that was carried out before with the state of then.
func replay(h events.History, done events.Commit, env Envelope) (Outcome, error) {
	if _, err := done.Answers(env.CommandID, env.Request); err != nil {
		return Outcome{}, keyReused()
	}
	then, _ := h.Until(done.Last()) // done is one of h's commits
	return outcome(then, true)
}

func outcome(h events.History, replayed bool) (Outcome, error) {
	state, err := StateOf(h)
	return Outcome{History: h, State: state, Replayed: replayed}, err
}

func keyReused() *Rejection {
	return reject(CodeKeyReused, "This idempotency key was used for another request. Use a fresh key for a new request.")
}
