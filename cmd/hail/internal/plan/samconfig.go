package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Settings are what `sam deploy --config-env ENV` takes from samconfig.toml.
type Settings struct {
	Stack      string
	Region     string
	Parameters map[string]string
}

// section is one command of an environment in samconfig.toml.
type section struct {
	Parameters struct {
		StackName          string `toml:"stack_name"`
		Region             string `toml:"region"`
		ParameterOverrides string `toml:"parameter_overrides"`
	} `toml:"parameters"`
}

// ReadSettings reads the environment env of the file samconfig.toml. Overrides, in the form of `sam deploy
// --parameter-overrides`, replace all parameters of the file, as they do for SAM.
func ReadSettings(file, env, overrides string) (Settings, error) {
	environments := map[string]toml.Primitive{}
	meta, err := toml.DecodeFile(file, &environments)
	if err != nil {
		return Settings{}, fmt.Errorf("read %s: %w", file, err)
	}
	delete(environments, "version")
	raw, ok := environments[env]
	if !ok {
		return Settings{}, fmt.Errorf("%s has no environment %q, only %s", file, env, strings.Join(slices.Sorted(maps.Keys(environments)), ", "))
	}
	commands := map[string]section{}
	if err := meta.PrimitiveDecode(raw, &commands); err != nil {
		return Settings{}, fmt.Errorf("read %s, environment %s: %w", file, env, err)
	}
	global := commands["global"].Parameters
	if overrides == "" {
		overrides = global.ParameterOverrides
	}
	parameters, err := assignments(overrides)
	if err != nil {
		return Settings{}, fmt.Errorf("parameters of %s: %w", env, err)
	}
	if global.StackName == "" || global.Region == "" {
		return Settings{}, fmt.Errorf("%s: environment %s needs stack_name and region under global", file, env)
	}
	return Settings{Stack: global.StackName, Region: global.Region, Parameters: parameters}, nil
}

// assignments reads `Name=value Other="a value"`.
func assignments(text string) (map[string]string, error) {
	values := map[string]string{}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		name, after, ok := strings.Cut(rest, "=")
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'") {
			return nil, fmt.Errorf("want Name=value, got %q", rest)
		}
		if quoted, ok := strings.CutPrefix(after, `"`); ok {
			value, behind, closed := strings.Cut(quoted, `"`)
			if !closed {
				return nil, fmt.Errorf("%s: a quotation mark is missing", name)
			}
			values[name], rest = value, behind
			continue
		}
		end := strings.IndexAny(after, " \t\n")
		if end < 0 {
			end = len(after)
		}
		values[name], rest = after[:end], after[end:]
	}
	return values, nil
}
