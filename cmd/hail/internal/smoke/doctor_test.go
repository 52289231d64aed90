package smoke_test

import (
	"io"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/doctor"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/smoke"
)

// onEmulator is what the doctor reports of an emulator on which nothing is wrong.
func onEmulator(deployed bool, names ...string) doctor.Report {
	r := doctor.Report{Deployed: deployed}
	for _, name := range names {
		r.Checks = append(r.Checks, doctor.Check{Name: name, Outcome: doctor.OK})
	}
	for _, name := range []string{"services of the region", "quota of API Gateway", "quota of DynamoDB"} {
		r.Checks = append(r.Checks, doctor.Check{Name: name, Outcome: doctor.NotChecked})
	}
	return r
}

func TestTheDoctorMustSayWhatAnEmulatorCanProve(t *testing.T) {
	t.Parallel()
	before := func() doctor.Report {
		return onEmulator(false, "names of log groups", "secret of the payment provider", "concurrency")
	}
	after := func() doctor.Report {
		return onEmulator(true, "resources", "roles", "functions", "event source mappings", "schedule", "tables", "alarms", "API")
	}
	for name, test := range map[string]struct {
		spoil func(before, after *doctor.Report)
		want  string
	}{
		"nothing": {func(_, _ *doctor.Report) {}, ""},
		"a problem before": {func(b, _ *doctor.Report) {
			b.Checks[1] = doctor.Check{Name: "secret of the payment provider", Outcome: doctor.Problem, Problems: []string{"it is empty"}}
		}, "secret of the payment provider is problem: it is empty"},
		"a problem after":        {func(_, a *doctor.Report) { a.Checks[6].Outcome = doctor.Problem }, "alarms is problem"},
		"ok, but never asked":    {func(b, _ *doctor.Report) { b.Checks[4].Outcome = doctor.OK }, "quota of API Gateway is ok"},
		"not asked, but could":   {func(_, a *doctor.Report) { a.Checks[5].Outcome = doctor.NotChecked }, "tables is not checked"},
		"a check that is gone":   {func(_, a *doctor.Report) { a.Checks = a.Checks[1:] }, "not looked at: resources"},
		"deployed, but not seen": {func(_, a *doctor.Report) { a.Deployed = false }, "deployed: false, want true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, a := before(), after()
			test.spoil(&b, &a)
			var report smoke.Report
			smoke.Doctor(t.Context(), &report, io.Discard, b, a)
			var all []string
			for _, c := range report.Checks {
				all = append(all, c.Error)
			}
			said := strings.Join(all, "")
			if test.want == "" && (said != "" || report.Passed != 2) || !strings.Contains(said, test.want) || (test.want != "" && report.Failed != 1) {
				t.Errorf("want %q, got %q", test.want, all)
			}
		})
	}
}
