package deploytest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func hash(attribute string) map[string]any {
	return map[string]any{"AttributeName": attribute, "KeyType": "HASH"}
}

func sortKey(attribute string) map[string]any {
	return map[string]any{"AttributeName": attribute, "KeyType": "RANGE"}
}

func attribute(name, kind string) map[string]any {
	return map[string]any{"AttributeName": name, "AttributeType": kind}
}

func keysOnlyIndex(name, hashKey, rangeKey string) map[string]any {
	return index(name, hashKey, rangeKey, "KEYS_ONLY")
}

func index(name, hashKey, rangeKey, projection string) map[string]any {
	return map[string]any{
		"IndexName":  name,
		"KeySchema":  []any{hash(hashKey), sortKey(rangeKey)},
		"Projection": map[string]any{"ProjectionType": projection},
	}
}

func TestTablesHaveTheKeysThatTheCodeUses(t *testing.T) {
	tpl := load(t)
	want := map[string]map[string]any{
		"EventsTable": {
			"KeySchema": []any{hash("stream_id"), sortKey("version")},
			"AttributeDefinitions": []any{
				attribute("stream_id", "S"), attribute("version", "N"),
				attribute("first_bucket", "S"), attribute("recorded_at", "S"),
			},
			"GlobalSecondaryIndexes": []any{keysOnlyIndex("first-commits", "first_bucket", "recorded_at")},
			"StreamSpecification":    map[string]any{"StreamViewType": "NEW_IMAGE"},
		},
		"ViewsTable": {
			"KeySchema": []any{hash("view_id")},
			"AttributeDefinitions": []any{
				attribute("view_id", "S"),
				attribute("rider", "S"), attribute("rider_at", "S"),
				attribute("waiting_shard", "S"), attribute("waiting_at", "S"),
				attribute("deadline_shard", "S"), attribute("deadline_at", "S"),
			},
			"GlobalSecondaryIndexes": []any{
				keysOnlyIndex("by-rider", "rider", "rider_at"),
				keysOnlyIndex("waiting", "waiting_shard", "waiting_at"),
				keysOnlyIndex("by-deadline", "deadline_shard", "deadline_at"),
			},
		},
		"ControlTable": {
			"KeySchema": []any{hash("control_id")},
			"AttributeDefinitions": []any{
				attribute("control_id", "S"), attribute("work_shard", "S"), attribute("next_attempt_at", "S"),
			},
			"GlobalSecondaryIndexes": []any{index("due-work", "work_shard", "next_attempt_at", "ALL")},
		},
	}
	if got := tpl.ofType("AWS::DynamoDB::Table"); len(got) != len(want) {
		t.Errorf("tables %v, want %d: what a new one is for belongs in this test", got, len(want))
	}
	for id, shape := range want {
		properties := tpl.properties(t, id, "AWS::DynamoDB::Table")
		for key, value := range shape {
			if diff := cmp.Diff(value, properties[key]); diff != "" {
				t.Errorf("%s.%s (-want +got):\n%s", id, key, diff)
			}
		}
		if properties["BillingMode"] != "PAY_PER_REQUEST" {
			t.Errorf("%s: capacity must follow demand, got BillingMode %v", id, properties["BillingMode"])
		}
	}
}
