package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/doctor"
	"github.com/hailstone-rides/hailstone/cmd/hail/internal/plan"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// localEnv is the environment of samconfig.toml for the emulator.
const localEnv = "local"

type doctorCommand struct {
	instanceFlag
	Env        string `help:"Environment of samconfig.toml, as for make deploy. local is the running local stack." default:"default" placeholder:"ENV"`
	Parameters string `help:"All parameters of the deployment, instead of those in samconfig.toml." placeholder:"\"NAME=VALUE …\""`
	Stack      string `help:"CloudFormation stack, instead of that in samconfig.toml." placeholder:"NAME"`
	Region     string `help:"AWS region, instead of that in samconfig.toml." placeholder:"REGION"`
	Deployed   bool   `help:"The stack must be there; without this, what is there decides what is looked at."`

	read reading `kong:"-"`
}

// reading is what the files of the repository say.
type reading struct {
	template *plan.Template
	settings plan.Settings
}

// Help explains what the one-line help leaves open.
func (doctorCommand) Help() string {
	return `Before the first deployment it looks at the account: concurrency and quotas for the parameters, secrets, names, the
region's services, the alarm topic. Of a stack that is there it looks at roles, functions, event source mappings, the
schedule, tables, alarms and the API, too. It calls AWS as the configuration of this shell says, and only reads;
docs/DEPLOY.md lists the rights that it needs. The exit code is 1 if there is a problem.`
}

// Validate reads the files: a wrong environment or parameter list is a wrong call.
func (c *doctorCommand) Validate() (err error) {
	root, err := localstack.Root()
	if err != nil {
		return err
	}
	if c.read.template, err = plan.ReadTemplate(filepath.Join(root, "template.yaml")); err != nil {
		return err
	}
	s, err := plan.ReadSettings(filepath.Join(root, "samconfig.toml"), c.Env, c.Parameters)
	s.Stack, s.Region = cmp.Or(c.Stack, s.Stack), cmp.Or(c.Region, s.Region)
	c.read.settings = s
	return err
}

func (c *doctorCommand) Run(a *app) error {
	patient, err := c.patient(a.ctx)
	if err != nil {
		return err
	}
	report := doctor.Examine(a.ctx, patient, a.progress())
	if a.json {
		err = a.printJSON(report)
	} else {
		_, err = fmt.Fprintln(a.stdout, report.Summary())
	}
	if err == nil && report.Problems > 0 {
		err = errReported
	}
	return err
}

// httpTimeout bounds a request to the API or to an identity provider.
const httpTimeout = 10 * time.Second

func (c *doctorCommand) patient(ctx context.Context) (doctor.Patient, error) {
	p := doctor.Patient{
		Template: c.read.template, Settings: c.read.settings, MustBeDeployed: c.Deployed, HTTP: &http.Client{Timeout: httpTimeout},
	}
	if c.Env == localEnv {
		return c.local(ctx, p)
	}
	config, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(p.Settings.Region))
	if err != nil {
		return p, fmt.Errorf("AWS configuration: %w", err)
	}
	p.AWS, p.Emulated = config, config.BaseEndpoint != nil
	return p, nil
}

// local is the running local stack. Its parameters, such as the provider's address, were made up when it was deployed.
func (c *doctorCommand) local(ctx context.Context, p doctor.Patient) (doctor.Patient, error) {
	endpoints, err := c.endpoints()
	if err != nil {
		return p, err
	}
	p = onEmulator(p, endpoints)
	out, err := cloudformation.NewFromConfig(p.AWS).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &endpoints.StackName})
	if err != nil {
		return p, fmt.Errorf("read the parameters of %s: %w", endpoints.StackName, err)
	}
	if len(out.Stacks) != 1 {
		return p, errors.New("the local stack is not deployed: hail dev up deploys it")
	}
	p.Settings.Parameters = map[string]string{}
	for _, parameter := range out.Stacks[0].Parameters {
		p.Settings.Parameters[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	return p, nil
}

func onEmulator(p doctor.Patient, endpoints localstack.Endpoints) doctor.Patient {
	p.Settings.Stack, p.Settings.Region = endpoints.StackName, endpoints.Region
	p.AWS, p.Emulated, p.API = localstack.Config(endpoints.AWS, endpoints.Region), true, endpoints.API
	return p
}

// examineLocal lets the doctor look at the emulator at the endpoints, with the parameters that the stack has or will have.
func examineLocal(ctx context.Context, out io.Writer, endpoints localstack.Endpoints, parameters map[string]string) (doctor.Report, error) {
	c := doctorCommand{Env: localEnv}
	if err := c.Validate(); err != nil {
		return doctor.Report{}, err
	}
	p := onEmulator(doctor.Patient{Template: c.read.template, HTTP: &http.Client{Timeout: httpTimeout}}, endpoints)
	p.Settings.Parameters = parameters
	return doctor.Examine(ctx, p, out), nil
}
