package dynamoevents_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/events/eventstest"
)

var update = flag.Bool("update", false, "write the golden files")

type attributes = map[string]types.AttributeValue

// sample returns commits that have between them every attribute there is, and
// lack every one that may be missing. Nothing in them is random.
func sample(t testing.TB) []events.Commit {
	t.Helper()
	stamp := events.Stamp{CommitID: "cm_first", Salt: [events.SaltSize]byte([]byte("sixteen of bytes"))}
	create := eventstest.Draft("create")
	create.Events = append(create.Events, events.Event{Type: "More", Schema: 2, Data: []byte(`{"n":1}`)})
	first, err := events.NewStream("booking/bk_1").Seal(create, stamp)
	if err != nil {
		t.Fatal(err)
	}
	h, err := events.NewHistory("booking/bk_1", []events.Commit{first})
	if err != nil {
		t.Fatal(err)
	}
	plain := eventstest.Draft("plain")
	plain.Personal, plain.Actor, plain.Trace = nil, "", events.Trace{}
	stamp.CommitID = "cm_second"
	second, err := h.Position().Seal(plain, stamp)
	if err != nil {
		t.Fatal(err)
	}
	erased := first.Clone()
	erased.Personal, erased.Salt = nil, nil
	return []events.Commit{first, second, erased}
}

// Attribute names and types are storage format: items of every build there ever
// was are read for as long as there are bookings. A change here is a migration.
func TestTheStoredItem(t *testing.T) {
	t.Parallel()
	const golden = "testdata/items.json"
	var items []any
	for _, c := range sample(t) {
		items = append(items, wire(dynamoevents.Encode(c)))
	}
	got, err := json.MarshalIndent(items, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
	var stored []json.RawMessage
	if err := json.Unmarshal(want, &stored); err != nil {
		t.Fatal(err)
	}
	for i, c := range sample(t) {
		it, err := unwire(stored[i])
		if err != nil {
			t.Fatal(err)
		}
		back, err := dynamoevents.Decode(it)
		if diff := cmp.Diff(c, back); err != nil || diff != "" {
			t.Errorf("item %d is read as another commit: %v (-written +read):\n%s", i, err, diff)
		}
	}
}

// No attribute may be of another type, and none that must be there may be missing.
func TestEveryAttributeIsChecked(t *testing.T) {
	t.Parallel()
	optional := map[string]bool{
		"personal": true, "personal_hash": true, "salt": true, "actor": true, "correlation_id": true, "causation_id": true, "traceparent": true,
		"prev": true, "first_bucket": true,
	}
	all := attributes{}
	for _, c := range sample(t) {
		maps.Copy(all, dynamoevents.Encode(c))
	}
	for name := range all {
		without := maps.Clone(all)
		delete(without, name)
		if _, err := dynamoevents.Decode(without); (err == nil) != optional[name] {
			t.Errorf("without %s: %v", name, err)
		} else if err != nil && !errors.Is(err, events.ErrCorrupt) {
			t.Errorf("without %s: %v, want ErrCorrupt", name, err)
		}
		if name == "first_bucket" {
			continue // of the index alone, never read
		}
		for _, wrong := range []types.AttributeValue{&types.AttributeValueMemberBOOL{Value: true}, &types.AttributeValueMemberNULL{Value: true}} {
			other := maps.Clone(all)
			other[name] = wrong
			if _, err := dynamoevents.Decode(other); !errors.Is(err, events.ErrCorrupt) {
				t.Errorf("%s as %T: %v, want ErrCorrupt", name, wrong, err)
			}
		}
	}
}

// Whatever an item holds, it is read as a commit that could be written, or refused
// as corrupt.
func FuzzDecode(f *testing.F) {
	for _, c := range sample(f) {
		raw, err := json.Marshal(wire(dynamoevents.Encode(c)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, seed := range []string{
		`{}`, `{"version":{"N":"1e9"}}`, `{"version":{"N":"9223372036854775808"}}`, `{"events":{"L":[]}}`, `{"events":{"L":[{"M":{}},{"NULL":true}]}}`,
		`{"stream_id":{"B":"AA=="},"recorded_at":{"S":"2026-11-23T9:30:00.000Z"}}`, `{"salt":{"B":""},"count":{"N":"-1"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		it, err := unwire(raw)
		if err != nil {
			t.Skip() // no item at all
		}
		c, err := dynamoevents.Decode(it)
		if err != nil {
			if !errors.Is(err, events.ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", err)
			}
			return
		}
		back, err := dynamoevents.Decode(dynamoevents.Encode(c))
		if diff := cmp.Diff(c, back, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("written again, it is another commit: %v (-first +again):\n%s", err, diff)
		}
		if h, err := events.NewHistory(c.Stream, []events.Commit{c}); err == nil {
			_ = h.Verify() // of what somebody made up: it may fail, it must not panic
		}
	})
}

// wire returns an item as DynamoDB's JSON has it.
func wire(it attributes) map[string]any {
	out := map[string]any{}
	for name, v := range it {
		out[name] = wireValue(v)
	}
	return out
}

func wireValue(v types.AttributeValue) any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": wire(v.Value)}
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i, e := range v.Value {
			list[i] = wireValue(e)
		}
		return map[string]any{"L": list}
	default:
		return map[string]any{"NULL": true}
	}
}

// unwire reads an item from DynamoDB's JSON.
func unwire(raw []byte) (attributes, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	it := attributes{}
	for name, field := range fields {
		v, err := unwireValue(field)
		if err != nil {
			return nil, err
		}
		it[name] = v
	}
	return it, nil
}

func unwireValue(raw []byte) (types.AttributeValue, error) {
	var v struct {
		S, N *string
		B    []byte
		M    json.RawMessage
		L    []json.RawMessage
		NULL bool
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch {
	case v.S != nil:
		return &types.AttributeValueMemberS{Value: *v.S}, nil
	case v.N != nil:
		return &types.AttributeValueMemberN{Value: *v.N}, nil
	case v.B != nil:
		return &types.AttributeValueMemberB{Value: v.B}, nil
	case v.M != nil:
		m, err := unwire(v.M)
		return &types.AttributeValueMemberM{Value: m}, err
	case v.L != nil:
		list := &types.AttributeValueMemberL{}
		for _, e := range v.L {
			item, err := unwireValue(e)
			if err != nil {
				return nil, err
			}
			list.Value = append(list.Value, item)
		}
		return list, nil
	case v.NULL:
		return &types.AttributeValueMemberNULL{Value: true}, nil
	default:
		return nil, fmt.Errorf("%s is no attribute", raw)
	}
}
