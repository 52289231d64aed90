package deploytest

import (
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/localstack/rights"
)

// What no call in a local stack uses is granted for a reason, and only where it has one.
func TestRightsThatNobodyIsSeenToUseAreGranted(t *testing.T) {
	const bus = "EventBusArn=arn:aws:events:eu-central-1:111122223333:event-bus/company"
	kept, local := load(t).at(t, "prod", bus).allRights(t), load(t).at(t, "local", bus).allRights(t)
	for _, exception := range rights.Unseen() {
		if exception.Reason == "" || len(exception.Rights) == 0 {
			t.Errorf("%+v", exception)
		}
		for _, r := range exception.Rights {
			if exception.Transformed {
				continue // the smoke test sees it
			}
			if !kept[r] || local[r] == exception.KeptData {
				t.Errorf("%s: granted in prod: %v, in the local stack: %v", r, kept[r], local[r])
			}
		}
	}
}

// allRights are those of all roles of a stage, in the words of package rights.
func (tpl template) allRights(t *testing.T) map[rights.Right]bool {
	t.Helper()
	all := map[rights.Right]bool{}
	for _, function := range tpl.functions() {
		role, own, managed := tpl.role(t, function)
		granted := allowed(own)
		for _, attached := range names(managed) {
			granted = append(granted, allowed(tpl.managed(t, attached))...)
		}
		for _, g := range granted {
			action, resource, _ := strings.Cut(g, " on ")
			resource, key, _ := strings.Cut(resource, " of ")
			resource = strings.NewReplacer(".StreamArn", "/stream", ".Arn", "", ".Id", "").Replace(resource)
			all[rights.Right{Role: role, Action: action, Resource: resource, Key: key}] = true
		}
	}
	return all
}
