package deploytest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/telemetry"
)

// What a stack costs though nobody rides is listed in docs/COSTS.md: as many of each as
// the template of prod has, and the products and the sum as they come.
func TestTheCostsOfAnIdleStackAreTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "COSTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	tpl := load(t).at(t, "prod", "StripeWebhookSecretArn=arn:aws:secretsmanager:eu-central-1:111122223333:secret:hook")
	const given = 2                    // secrets by parameter: the provider's key, and that of its notices
	alarms := len(tpl.alarmMetrics(t)) // an alarm costs as much for each metric in it
	metrics := 0
	for _, d := range telemetry.Definitions() {
		metrics += len(strings.Split(d.By, ", "))
	}
	sum := 0.0
	for _, row := range []struct {
		what  string
		count int
		price float64 // US$ a month
	}{
		{"metrics in alarms", alarms, 0.10},
		{"composite alarms", len(tpl.ofType(alarmKinds[1])), 0.50},
		{"dashboards", len(tpl.ofType("AWS::CloudWatch::Dashboard")), 3},
		{"keys of KMS", len(tpl.ofType("AWS::KMS::Key")), 1},
		{"secrets", given + len(tpl.ofType("AWS::SecretsManager::Secret")), 0.40},
		{"metrics of ours, all that there are", metrics, 0.30},
	} {
		if row.count == 0 {
			t.Errorf("no %s", row.what)
		}
		cost := float64(row.count) * row.price
		sum += cost
		want := fmt.Sprintf("| %s | %d | %.2f | %.2f |", row.what, row.count, row.price, cost)
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/COSTS.md lacks the row\n%s", want)
		}
	}
	if want := fmt.Sprintf("| **sum** |  |  | **%.2f** |", sum); !strings.Contains(string(text), want) {
		t.Errorf("docs/COSTS.md lacks the row\n%s", want)
	}
}
