package deploytest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Every commitment that docs/SLO.md names has its page and says where it was seen, and what the row of services for a
// request promises together is the product of theirs.
func TestCommitmentsHaveSourcesAndTheirProductIsTrue(t *testing.T) {
	t.Parallel()
	const inARow = 3 // API Gateway, Lambda, DynamoDB
	product, factors := 1.0, []string{}
	for i, row := range section(t, "SLO.md", "What we depend on") {
		if len(row) != 4 || row[3] == "" {
			t.Fatalf("%v: want dependency, commitment, what happens without it, and where it was seen", row)
		}
		if !strings.Contains(row[0], "](https://aws.amazon.com/") && row[0] != "the payment provider" {
			t.Errorf("%s names no page", row[0])
		}
		if i >= inARow {
			continue
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(row[1], " %"), 64)
		if err != nil {
			t.Fatalf("%s: %v", row[0], err)
		}
		product *= percent / 100
		factors = append(factors, strconv.FormatFloat(percent/100, 'f', 4, 64))
	}
	says(t, "SLO.md", fmt.Sprintf("API Gateway, Lambda and DynamoDB stand in a row for a request: %s = %.2f %%.", strings.Join(factors, " × "), 100*product))
}
