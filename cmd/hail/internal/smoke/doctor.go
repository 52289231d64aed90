package smoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/doctor"
)

// beyondEmulator are the checks of the doctor that an emulator has no answers for. They must be reported as not made:
// one that is ok there would be ok for an account that it never asked.
var beyondEmulator = []string{"services of the region", "quota of API Gateway", "quota of DynamoDB"}

// Doctor checks what `hail doctor` found in the emulator before the deployment and after it.
func Doctor(ctx context.Context, report *Report, out io.Writer, before, after doctor.Report) {
	report.Check(ctx, out, "hail doctor found nothing wrong before the deployment", func() error {
		return healthy(before, false, "names of log groups", "secret of the payment provider", "concurrency")
	})
	report.Check(ctx, out, "hail doctor finds nothing wrong after it", func() error {
		return healthy(after, true, "resources", "roles", "functions", "event source mappings", "schedule", "tables", "alarms", "API")
	})
}

// healthy expects no problem, ok from what must be there, and "not checked" from exactly what an emulator cannot answer.
func healthy(r doctor.Report, deployed bool, must ...string) error {
	var errs []error
	if r.Deployed != deployed {
		errs = append(errs, fmt.Errorf("deployed: %t, want %t", r.Deployed, deployed))
	}
	for _, c := range r.Checks {
		undone := slices.Contains(beyondEmulator, c.Name)
		if c.Outcome == doctor.Problem || undone != (c.Outcome == doctor.NotChecked) {
			errs = append(errs, fmt.Errorf("%s is %s: %s", c.Name, c.Outcome, strings.Join(append(c.Problems, c.Found), ", ")))
		}
		must = slices.DeleteFunc(must, func(name string) bool { return name == c.Name })
	}
	if len(must) > 0 {
		errs = append(errs, fmt.Errorf("not looked at: %s", strings.Join(must, ", ")))
	}
	return errors.Join(errs...)
}
