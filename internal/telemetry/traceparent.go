package telemetry

import (
	"encoding/hex"
	"strings"
)

// TraceContext says where in which trace something happens, in the terms of W3C
// Trace Context, https://www.w3.org/TR/trace-context/. The zero one is none.
type TraceContext struct {
	TraceID [16]byte
	SpanID  [8]byte
	// Sampled tells that whoever began the trace wants its spans to be kept.
	Sampled bool
}

// Valid tells whether c is one: neither id may be all zeros.
func (c TraceContext) Valid() bool { return c.TraceID != [16]byte{} && c.SpanID != [8]byte{} }

const (
	version00   = "00"
	sampledFlag = 0x01
	// parentLength is that of a traceparent of version 00: version, trace id, span id
	// and flags in hexadecimal digits, with dashes between them.
	parentLength = 2 + 1 + 32 + 1 + 16 + 1 + 2
)

// ParseTraceparent reads the value of a traceparent header. Only version 00 in its exact
// form counts: the value is stored and sent on, and could be anything.
func ParseTraceparent(value string) (TraceContext, bool) {
	var c TraceContext
	if len(value) != parentLength || strings.ToLower(value) != value {
		return c, false
	}
	fields := strings.Split(value, "-")
	if len(fields) != 4 || fields[0] != version00 {
		return c, false
	}
	var flags [1]byte
	if !unhex(c.TraceID[:], fields[1]) || !unhex(c.SpanID[:], fields[2]) || !unhex(flags[:], fields[3]) || !c.Valid() {
		return TraceContext{}, false
	}
	c.Sampled = flags[0]&sampledFlag != 0
	return c, true
}

// Traceparent returns c as the value of a traceparent header; "" for none.
func (c TraceContext) Traceparent() string {
	if !c.Valid() {
		return ""
	}
	flags := "-00"
	if c.Sampled {
		flags = "-01"
	}
	return version00 + "-" + hex.EncodeToString(c.TraceID[:]) + "-" + hex.EncodeToString(c.SpanID[:]) + flags
}

// fromXRay reads what Lambda says of the trace that it keeps for X-Ray, such as
// Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1. X-Ray finds a
// trace by a W3C id of the same 32 digits, so that one id serves both:
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html. A trace
// that X-Ray does not sample may still be sampled by whoever gets our spans.
func fromXRay(value string) (TraceContext, bool) {
	c := TraceContext{Sampled: true}
	found := 0
	for part := range strings.SplitSeq(value, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "Root" && len(value) == 35 && value[:2] == "1-" && value[10] == '-' && unhex(c.TraceID[:], value[2:10]+value[11:]),
			name == "Parent" && unhex(c.SpanID[:], value):
			found++
		}
	}
	return c, found == 2 && c.Valid()
}

// unhex decodes text if it has exactly the digits for it.
func unhex(into []byte, text string) bool {
	if len(text) != hex.EncodedLen(len(into)) {
		return false
	}
	_, err := hex.Decode(into, []byte(text))
	return err == nil
}
