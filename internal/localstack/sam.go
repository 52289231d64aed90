package localstack

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

// stackName is the CloudFormation stack's; samconfig.toml has the same for `local`.
const stackName = "hailstone-local"

// sam runs the SAM CLI of the toolbox on one instance.
type sam struct {
	root string
	in   Instance
	venv toolbox.Venv
	aws  string // URL of what stands in for AWS
	goos string // what the functions are compiled for
}

// build compiles the functions as `sam build` does for a deployment, into the instance:
// all of them, or the one that is named.
func (s sam) build(ctx context.Context, function ...string) error {
	arch, err := architecture(runtime.GOARCH)
	if err != nil {
		return err
	}
	return s.run(ctx, "sam-build", append([]string{"build"}, function...), "--build-dir", s.in.buildDir(),
		"--template-file", filepath.Join(s.root, "template.yaml"),
		"--parameter-overrides", "Stage=local Architecture="+arch)
}

// deploy creates or updates a stack from what was built, with more parameters than every
// local stack has.
func (s sam) deploy(ctx context.Context, stack string, keys secrets, paysimPort int, parameters ...string) error {
	common, err := deployParameters(keys, paysimPort)
	if err != nil {
		return err
	}
	var overrides []string
	for _, name := range slices.Sorted(maps.Keys(common)) {
		overrides = append(overrides, name+"="+common[name])
	}
	return s.run(ctx, "sam-deploy-"+stack, []string{"deploy"}, "--stack-name", stack,
		"--template-file", filepath.Join(s.in.buildDir(), "template.yaml"),
		"--parameter-overrides", strings.Join(append(overrides, parameters...), " "))
}

// deployParameters are the parameters that every local stack is deployed with.
func deployParameters(keys secrets, paysimPort int) (map[string]string, error) {
	arch, err := architecture(runtime.GOARCH)
	return map[string]string{
		"Stage": "local", "Architecture": arch,
		"StripeSecretArn": keys.provider, "StripeWebhookSecretArn": keys.notices, "StripeApiUrl": endpoint(paysimPort),
	}, err
}

func (s sam) run(ctx context.Context, log string, what []string, options ...string) error {
	return run(ctx, command{dir: s.root, log: s.in.Log(log), env: s.env(), args: s.args(what, options...)})
}

// args returns a command line of the SAM CLI. The configuration is named because SAM
// otherwise looks beside the template.
func (s sam) args(what []string, options ...string) []string {
	return slices.Concat([]string{s.venv.Program("sam")}, what, options,
		[]string{"--config-env", "local", "--config-file", filepath.Join(s.root, "samconfig.toml")})
}

// noProxy adds this machine to what the user's proxy is not asked for.
func noProxy() string {
	hosts := loopback + ",localhost"
	if own := cmp.Or(os.Getenv("no_proxy"), os.Getenv("NO_PROXY")); own != "" {
		hosts = own + "," + hosts
	}
	return hosts
}

// env is the user's environment, which go build needs, without what would lead the SAM
// CLI to an account: it reaches the emulator or nothing.
func (s sam) env() []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "SAM_") {
			env = append(env, variable)
		}
	}
	return append(env,
		"AWS_ENDPOINT_URL="+s.aws,
		"AWS_ACCESS_KEY_ID="+rootAccessKey,
		"AWS_SECRET_ACCESS_KEY="+rootSecretKey,
		"AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region,
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
		"SAM_CLI_TELEMETRY=0",
		"SAM_CLI_POLL_DELAY=0.2", // seconds; it looks every 5 s otherwise, half the time of a deployment here
		"__SAM_CLI_APP_DIR="+s.in.samDir(),
		"NO_PROXY="+noProxy(),
		"no_proxy="+noProxy(), // Python reads this one first
		"FUNCTION_GOOS="+s.goos,
	)
}
