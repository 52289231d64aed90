package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// makeDeploy runs make deploy with a program in SAM's place, and returns the arguments of each of its calls. The call with
// that number, from 1, fails; 0 is for none.
func makeDeploy(t *testing.T, fails string, variables ...string) (calls []string, err error) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	script := "#!/bin/sh\necho \"$*\" >>" + log + "\n[ \"$(wc -l <" + log + ")\" -ne " + fails + " ]\n"
	if err := os.WriteFile(filepath.Join(dir, "sam"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"-C", root, "--no-print-directory", "deploy", "SAM_BIN=" + dir}, variables...)...)
	output, err := cmd.CombinedOutput()
	t.Logf("make deploy: %s", output)
	text := string(read(t, log))
	for line := range strings.Lines(text) {
		calls = append(calls, strings.Join(strings.Fields(line), " "))
	}
	return calls, err
}

// A stack is protected, and gradual again, by a second deployment that leaves everything else as it is. What samconfig.toml asks a
// person about prod, it asks both times: whoever says no to the first has not said yes to the second.
func TestMakeDeployProtectsTheStackAfterwards(t *testing.T) {
	const afterwards = "--parameter-overrides DeletionProtection=true Rollout=gradual"
	for _, test := range []struct {
		name      string
		variables []string
		want      []string
	}{
		{"as samconfig.toml says", []string{"ENV=prod"}, []string{
			"build --config-env prod",
			"deploy --config-env prod",
			"deploy --config-env prod " + afterwards,
		}},
		{"from GitHub", []string{"ENV=prod", "STACK=rides", "REGION=us-east-1", "PARAMETERS=Stage=prod Rollout=now", "CONFIRM=no"}, []string{
			"build --config-env prod --parameter-overrides Stage=prod Rollout=now",
			"deploy --config-env prod --stack-name rides --region us-east-1 --no-confirm-changeset --parameter-overrides Stage=prod Rollout=now",
			"deploy --config-env prod --stack-name rides --region us-east-1 --no-confirm-changeset " + afterwards,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls, err := makeDeploy(t, "0", test.variables...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, calls); diff != "" {
				t.Errorf("calls of sam (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMakeDeployStopsAtTheFirstFailure(t *testing.T) {
	for fails, want := range map[string]int{"1": 1, "2": 2, "3": 3} {
		if calls, err := makeDeploy(t, fails, "ENV=staging"); err == nil || len(calls) != want {
			t.Errorf("when call %s fails: %d calls, %v", fails, len(calls), err)
		}
	}
}

// The second deployment sets parameters that the template has, to values that it allows.
func TestWhatIsSetAfterwardsIsInTheTemplate(t *testing.T) {
	calls, err := makeDeploy(t, "0")
	if err != nil {
		t.Fatal(err)
	}
	_, overrides, _ := strings.Cut(calls[len(calls)-1], "--parameter-overrides ")
	tpl := load(t)
	for _, assignment := range strings.Fields(overrides) {
		name, value, _ := strings.Cut(assignment, "=")
		if allowed := names(dig(t, tpl.parameters, name, "AllowedValues")); !slices.Contains(allowed, value) {
			t.Errorf("%s: the template allows %v", assignment, allowed)
		}
	}
	if got := dig(t, tpl.parameters, "DeletionProtection", "Default"); got != "false" {
		t.Errorf("a first deployment has DeletionProtection=%v, and could not be rolled back", got)
	}
}

// sam deploy takes region and stack from samconfig.toml whatever the environment says, so the workflow hands its own on.
func TestTheWorkflowDeploysWhereItsVariablesSay(t *testing.T) {
	var workflow struct {
		Jobs map[string]struct {
			Env   map[string]string
			Steps []struct{ Run string }
		}
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(root, ".github", "workflows", "deploy.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	job := workflow.Jobs["deploy"]
	deployments := 0
	for _, step := range job.Steps {
		if !strings.HasPrefix(step.Run, "make deploy ") {
			continue
		}
		deployments++
		for _, variable := range []string{`ENV="$ENVIRONMENT"`, `STACK="$STACK"`, `REGION="$AWS_REGION"`, `PARAMETERS="$PARAMETERS"`} {
			_, value, _ := strings.Cut(strings.Trim(variable, `"`), `"$`)
			if !strings.Contains(step.Run, variable) || job.Env[value] == "" {
				t.Errorf("%s: want %s, of the job's environment", step.Run, variable)
			}
		}
	}
	if deployments != 1 {
		t.Errorf("%d steps deploy", deployments)
	}
}
