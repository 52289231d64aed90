package rights

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Right is an action that a role may do on a resource. Roles and resources are named as in the template:
// "EventsTable/index/first-commits", "EventsTable/stream".
type Right struct {
	Role, Action, Resource string
	// Key is the partition key that it is confined to, or "kind/*" for all of one kind; empty for no confinement.
	Key string
}

// String returns the right as people write it down.
func (r Right) String() string {
	text := fmt.Sprintf("%s: %s on %s", r.Role, r.Action, r.Resource)
	if r.Key != "" {
		text += " of " + r.Key
	}
	return text
}

// Call is what a role asked for.
type Call struct {
	Role, Action, Resource string
	Keys                   []string // the partition keys that it named, if it did
	Allowed                bool
}

// String returns the call as people write it down.
func (c Call) String() string {
	text := fmt.Sprintf("%s: %s on %s", c.Role, c.Action, c.Resource)
	if len(c.Keys) > 0 {
		text += " of " + strings.Join(c.Keys, ", ")
	}
	return text
}

// allows tells whether the right is enough for the call.
func (r Right) allows(c Call) bool {
	if r.Role != c.Role || r.Action != c.Action || r.Resource != c.Resource {
		return false
	}
	if r.Key == "" {
		return true
	}
	strange := func(key string) bool { return !r.fits(key) }
	return len(c.Keys) > 0 && !slices.ContainsFunc(c.Keys, strange)
}

func (r Right) fits(key string) bool {
	if kind, ok := strings.CutSuffix(r.Key, "*"); ok {
		return strings.HasPrefix(key, kind)
	}
	return key == r.Key
}

// FromPolicy returns what an IAM policy allows the role. name turns an ARN into the name of its resource. A condition
// other than one on partition keys is an error, as is everything else that this package would have to guess about.
func FromPolicy(role, document string, name func(arn string) string) ([]Right, error) {
	var policy struct{ Statement list[statement] }
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		return nil, fmt.Errorf("policy of %s: %w", role, err)
	}
	var all []Right
	for _, s := range policy.Statement {
		if s.Effect != "Allow" {
			continue
		}
		keys, err := s.keys()
		if err != nil {
			return nil, fmt.Errorf("policy of %s: %w", role, err)
		}
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				for _, key := range keys {
					all = append(all, Right{Role: role, Action: action, Resource: name(resource), Key: key})
				}
			}
		}
	}
	return all, nil
}

type statement struct {
	Effect    string
	Action    list[string]
	Resource  list[string]
	Condition map[string]map[string]list[string]
}

// keys returns the partition keys that the statement is confined to, and one empty key if to none.
func (s statement) keys() ([]string, error) {
	if len(s.Condition) == 0 {
		return []string{""}, nil
	}
	var keys []string
	for operator, values := range s.Condition {
		for key, list := range values {
			if !strings.HasPrefix(operator, "ForAllValues:String") || key != "dynamodb:LeadingKeys" {
				return nil, fmt.Errorf("a condition %s on %s, which is not understood", operator, key)
			}
			keys = append(keys, list...)
		}
	}
	return keys, nil
}

// list is one that IAM lets people write without brackets if it has one item.
type list[T any] []T

// UnmarshalJSON reads both forms.
func (l *list[T]) UnmarshalJSON(text []byte) error {
	var many []T
	if err := json.Unmarshal(text, &many); err == nil {
		*l = many
		return nil
	}
	var one T
	err := json.Unmarshal(text, &one)
	*l = list[T]{one}
	return err
}
