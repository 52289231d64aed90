package dynamoevents

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hailstone-rides/hailstone/internal/events"
)

// Attribute names are storage format: see the golden files before touching one.
const (
	attrStream       = "stream_id"
	attrVersion      = "version"
	attrCount        = "count"
	attrEvents       = "events"
	attrCommitID     = "commit_id"
	attrCommandID    = "command_id"
	attrFingerprint  = "fingerprint"
	attrPersonal     = "personal"
	attrPersonalHash = "personal_hash"
	attrSalt         = "salt"
	attrActor        = "actor"
	attrRecordedAt   = "recorded_at"
	attrCorrelation  = "correlation_id"
	attrCausation    = "causation_id"
	attrTraceparent  = "traceparent"
	attrDigest       = "digest"
	attrPrev         = "prev"
	attrFirstBucket  = "first_bucket"

	attrEventType   = "type"
	attrEventSchema = "schema"
	attrEventData   = "data"
)

type item = map[string]types.AttributeValue

func encode(c events.Commit) item {
	list := make([]types.AttributeValue, len(c.Events))
	for i, e := range c.Events {
		list[i] = &types.AttributeValueMemberM{Value: item{
			attrEventType: text(e.Type), attrEventSchema: number(int64(e.Schema)), attrEventData: binary(e.Data),
		}}
	}
	it := item{
		attrStream: text(string(c.Stream)), attrVersion: number(c.Version), attrCount: number(int64(len(c.Events))),
		attrEvents:   &types.AttributeValueMemberL{Value: list},
		attrCommitID: text(c.ID), attrCommandID: text(c.CommandID), attrFingerprint: binary(c.Fingerprint),
		attrRecordedAt: text(c.RecordedAt.UTC().Format(events.RecordedAtLayout)), attrDigest: binary(c.Digest),
	}
	optionalText := map[string]string{
		attrActor: c.Actor, attrCorrelation: c.Trace.CorrelationID,
		attrCausation: c.Trace.CausationID, attrTraceparent: c.Trace.Traceparent,
	}
	for name, v := range optionalText {
		if v != "" {
			it[name] = text(v)
		}
	}
	optionalBytes := map[string][]byte{
		attrPersonal: c.Personal, attrPersonalHash: c.PersonalHash, attrSalt: c.Salt, attrPrev: c.Prev,
	}
	for name, v := range optionalBytes {
		if len(v) > 0 {
			it[name] = binary(v)
		}
	}
	if c.Version == 1 {
		it[attrFirstBucket] = text(bucketOf(c.RecordedAt, events.FirstShard(c.Stream)))
	}
	return it
}

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// reader takes attributes out of an item and remembers what did not fit, so that
// decode reads as a list of fields.
type reader struct {
	it   item
	errs []error
}

func (r *reader) text(name string, required bool) string {
	switch v := r.it[name].(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case nil:
		r.missing(name, required)
	default:
		r.errs = append(r.errs, fmt.Errorf("%s is no string", name))
	}
	return ""
}

func (r *reader) bytes(name string, required bool) []byte {
	switch v := r.it[name].(type) {
	case *types.AttributeValueMemberB:
		return v.Value
	case nil:
		r.missing(name, required)
	default:
		r.errs = append(r.errs, fmt.Errorf("%s is no binary", name))
	}
	return nil
}

func (r *reader) number(name string) int64 {
	v, ok := r.it[name].(*types.AttributeValueMemberN)
	if !ok {
		r.errs = append(r.errs, fmt.Errorf("%s is no number", name))
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("%s is no whole number", name))
	}
	return n
}

func (r *reader) missing(name string, required bool) {
	if required {
		r.errs = append(r.errs, fmt.Errorf("%s is missing", name))
	}
}

// decode returns the commit that an item holds, or ErrCorrupt.
func decode(it item) (events.Commit, error) {
	r := &reader{it: it}
	c := events.Commit{
		Stream: events.StreamID(r.text(attrStream, true)), Version: r.number(attrVersion), Events: r.events(),
		ID: r.text(attrCommitID, true), CommandID: r.text(attrCommandID, true), Fingerprint: r.bytes(attrFingerprint, true),
		Personal: r.bytes(attrPersonal, false), PersonalHash: r.bytes(attrPersonalHash, false), Salt: r.bytes(attrSalt, false),
		Actor: r.text(attrActor, false), RecordedAt: r.time(attrRecordedAt),
		Trace: events.Trace{
			CorrelationID: r.text(attrCorrelation, false), CausationID: r.text(attrCausation, false), Traceparent: r.text(attrTraceparent, false),
		},
		Digest: r.bytes(attrDigest, true), Prev: r.bytes(attrPrev, false),
	}
	if n := r.number(attrCount); n != int64(len(c.Events)) {
		r.errs = append(r.errs, fmt.Errorf("count is %d, events hold %d", n, len(c.Events)))
	}
	if err := errors.Join(r.errs...); err != nil {
		return events.Commit{}, fmt.Errorf("item %s at version %d: %w: %w", c.Stream, c.Version, events.ErrCorrupt, err)
	}
	return c, nil
}

func (r *reader) events() []events.Event {
	list, ok := r.it[attrEvents].(*types.AttributeValueMemberL)
	if !ok {
		r.errs = append(r.errs, fmt.Errorf("%s is no list", attrEvents))
		return nil
	}
	out := make([]events.Event, len(list.Value))
	for i, v := range list.Value {
		m, ok := v.(*types.AttributeValueMemberM)
		if !ok {
			r.errs = append(r.errs, fmt.Errorf("event %d is no map", i))
			continue
		}
		e := &reader{it: m.Value}
		out[i] = events.Event{Type: e.text(attrEventType, true), Schema: int(e.number(attrEventSchema)), Data: e.bytes(attrEventData, true)}
		r.errs = append(r.errs, e.errs...)
	}
	return out
}

func (r *reader) time(name string) time.Time {
	t, err := time.Parse(events.RecordedAtLayout, r.text(name, true))
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("%s is no instant", name))
	}
	return t
}
