package localstack

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"runtime"
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
	port int // of the emulator
}

// build compiles the functions as `sam build` does for a deployment, into the instance.
func (s sam) build(ctx context.Context) error {
	arch, err := architecture(runtime.GOARCH)
	if err != nil {
		return err
	}
	return s.run(ctx, "sam-build", "build", "--build-dir", s.in.buildDir(),
		"--template-file", filepath.Join(s.root, "template.yaml"),
		"--parameter-overrides", "Stage=local Architecture="+arch)
}

// deploy creates or updates the stack from what was built.
func (s sam) deploy(ctx context.Context, secretARN string, paysimPort int) error {
	arch, err := architecture(runtime.GOARCH)
	if err != nil {
		return err
	}
	return s.run(ctx, "sam-deploy", "deploy", "--stack-name", stackName,
		"--template-file", filepath.Join(s.in.buildDir(), "template.yaml"),
		"--parameter-overrides", strings.Join([]string{
			"Stage=local", "Architecture=" + arch,
			"StripeSecretArn=" + secretARN, "StripeApiUrl=" + endpoint(paysimPort),
		}, " "))
}

func (s sam) run(ctx context.Context, log string, args ...string) error {
	args = append([]string{s.venv.Program("sam")}, args...)
	return run(ctx, command{
		dir: s.root, log: s.in.Log(log), env: s.env(),
		// The file is named because SAM otherwise looks beside the built template.
		args: append(args, "--config-env", "local", "--config-file", filepath.Join(s.root, "samconfig.toml")),
	})
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
		"AWS_ENDPOINT_URL="+endpoint(s.port),
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
		// The emulator runs functions as processes of this machine, not of Amazon Linux.
		"FUNCTION_GOOS="+runtime.GOOS,
	)
}
