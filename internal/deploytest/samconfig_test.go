package deploytest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// environment is one environment of samconfig.toml: command → parameters → name → value.
type environment map[string]struct {
	Parameters map[string]any `toml:"parameters"`
}

func TestEnvironmentsOfSamconfig(t *testing.T) {
	var all map[string]toml.Primitive
	meta, err := toml.DecodeFile(filepath.Join(root, "samconfig.toml"), &all)
	if err != nil {
		t.Fatal(err)
	}
	tpl := load(t)
	stacks := make(map[string]string)
	for name, stage := range map[string]string{"default": "dev", "local": "local", "staging": "staging", "prod": "prod"} {
		t.Run(name, func(t *testing.T) {
			var env environment
			if err := meta.PrimitiveDecode(all[name], &env); err != nil {
				t.Fatal(err)
			}
			stack, _ := env["global"].Parameters["stack_name"].(string)
			if stack == "" || stacks[stack] != "" {
				t.Errorf("stack_name %q, want one of its own", stack)
			}
			stacks[stack] = name
			checkParameters(t, tpl, env, stage)
			for key, want := range map[string]any{
				"build.build_in_source":          true,  // else SAM copies .tools/ once per function
				"build.cached":                   false, // else an unchanged hash of the tree hides a changed environment
				"validate.lint":                  true,
				"deploy.capabilities":            "CAPABILITY_IAM",
				"deploy.resolve_s3":              true,
				"deploy.fail_on_empty_changeset": false,
				"deploy.confirm_changeset":       name == "prod",
				"deploy.on_failure":              onFailure(name),
				"deploy.tags":                    "application=hailstone stage=" + stage,
				"deploy.parameter_overrides":     nil, // global's count for build and deploy alike
				"build.parameter_overrides":      nil,
			} {
				command, parameter, _ := strings.Cut(key, ".")
				if got := env[command].Parameters[parameter]; got != want {
					t.Errorf("%s is %v, want %v", key, got, want)
				}
			}
		})
	}
}

// onFailure is what becomes of a first deployment that failed. CloudFormation takes no further one of a stack in ROLLBACK_COMPLETE,
// so SAM deletes it; a stack that was there before is only rolled back. The emulator is thrown away as a whole.
func onFailure(environment string) any {
	if environment == "local" {
		return nil
	}
	return "DELETE"
}

func checkParameters(t *testing.T, tpl template, env environment, stage string) {
	t.Helper()
	overrides, _ := env["global"].Parameters["parameter_overrides"].(string)
	if !slices.Contains(strings.Fields(overrides), "Stage="+stage) {
		t.Errorf("parameter_overrides %q, want Stage=%s", overrides, stage)
	}
	for _, field := range strings.Fields(overrides) {
		key, value, _ := strings.Cut(field, "=")
		parameter, ok := tpl.parameters[key].(map[string]any)
		if !ok {
			t.Errorf("the template has no parameter %s", key)
			continue
		}
		if allowed := names(parameter["AllowedValues"]); parameter["AllowedValues"] != nil && !slices.Contains(allowed, value) {
			t.Errorf("%s: the template allows %v", field, allowed)
		}
	}
}
