package telemetry

import (
	"encoding/hex"
	"time"
)

// Kind says on which side of a connection a span is. The numbers are those of
// OpenTelemetry.
type Kind int

// The kinds in use.
const (
	Internal Kind = 1
	Server   Kind = 2
	Client   Kind = 3
	Producer Kind = 4
	Consumer Kind = 5
)

// Span is a piece of work as a trace shows it.
type Span struct {
	TraceContext
	// Parent is the span that led to this one; zero for none.
	Parent [8]byte
	Kind   Kind
	Name   string
	Began  time.Time
	Ended  time.Time
	// Failed tells that it ended with an error. What the error says stays in the
	// log: it could be anything.
	Failed bool
	// BookingID may be empty.
	BookingID string
}

// begin returns a span that goes on in a trace, or begins one.
func begin(kind Kind, name string, f *Function) Span {
	return Span{Kind: kind, Name: name, Began: f.Now()}
}

func (s *Span) traceID() string {
	if !s.Valid() {
		return ""
	}
	return hex.EncodeToString(s.TraceID[:])
}

// follow makes the span a part of the trace that came in. Without an exporter nobody would
// find this span, so that what follows is told the one that came.
func (s *Span) follow(from TraceContext, f *Function) {
	s.Parent, s.TraceContext = from.SpanID, from
	if f.Export != nil && from.Sampled {
		f.Random(s.SpanID[:])
	}
}

func (s *Span) child(kind Kind, name string, f *Function) Span {
	c := begin(kind, name, f)
	c.follow(s.TraceContext, f)
	return c
}
