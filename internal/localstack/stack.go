package localstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
)

// Default ports, each the one its original is known for.
const (
	DefaultPort       = 4566
	DefaultPaysimPort = 12111
)

// ErrRunning says that another process runs the instance already.
var ErrRunning = errors.New("the local stack is running already")

// Options of a start.
type Options struct {
	Root       string // of the repository
	Port       int    // of the AWS emulator; 0 takes a free one
	PaysimPort int    // of the payment simulator; 0 takes a free one
	Steps      *Steps
	// BeforeDeploy, unless it is nil, is called when the emulator answers and the stack is not deployed yet, with the
	// parameters that it will be deployed with.
	BeforeDeploy func(ctx context.Context, endpoints Endpoints, parameters map[string]string) error

	listen string // the address of both; that of this machine alone by default
}

func (o Options) address() string { return cmp.Or(o.listen, loopback) }

// Stack is a running local stack. The process that started it has to Stop it.
type Stack struct {
	Endpoints Endpoints
	Tokens    map[Role]string // an access token of each role's seeded user
	Logs      []string        // the files worth reading

	in       Instance
	options  Options
	keys     secrets // of the provider
	tool     sam     // with the functions built
	release  func()
	unfollow func()      // ends the copying of logs
	ended    chan *child // children that ended by themselves

	mu       sync.Mutex
	children []*child
	state    State
}

// startTimeouts bound what can only hang, not be slow.
const (
	emulatorTimeout = 60 * time.Second
	paysimTimeout   = 15 * time.Second
	answerTimeout   = 30 * time.Second
)

// Start starts the stack of the instance and returns when it answers requests. If
// that fails or ctx ends, whatever was started is stopped.
func Start(ctx context.Context, in Instance, options Options) (*Stack, error) {
	release, ok, err := in.claim()
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", in.dir, err)
	}
	if !ok {
		return nil, ErrRunning
	}
	s := &Stack{in: in, options: options, release: release, unfollow: func() {}, ended: make(chan *child, 8)}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := s.startParts(ctx); err != nil {
		return err
	}
	cloud := Connect(s.Endpoints.AWS, region)
	steps := s.options.Steps
	if err := s.beforeDeploy(ctx); err != nil {
		return err
	}
	if err := steps.Do("deploy the stack (sam deploy)", func() error {
		return s.tool.deploy(ctx, stackName, s.keys, s.options.PaysimPort)
	}); err != nil {
		return err
	}
	if err := steps.Do("create API routes", func() error {
		return completeDeployment(ctx, cloud, &s.Endpoints)
	}); err != nil {
		return err
	}
	if err := steps.Do("connect the payment simulator's webhook", func() error {
		return sendNotices(ctx, s.Endpoints)
	}); err != nil {
		return err
	}
	if err := steps.Do("create users", func() error { return s.createUsers(ctx, cloud) }); err != nil {
		return err
	}
	if err := s.copyLogs(ctx, cloud); err != nil {
		return err
	}
	if err := steps.Do("wait for the API to answer", func() error {
		return awaitAPI(ctx, s.Endpoints.API, s.Tokens[Rider])
	}); err != nil {
		return err
	}
	return s.publish()
}

func (s *Stack) beforeDeploy(ctx context.Context) error {
	if s.options.BeforeDeploy == nil {
		return nil
	}
	parameters, err := deployParameters(s.keys, s.options.PaysimPort)
	if err != nil {
		return err
	}
	return s.options.BeforeDeploy(ctx, s.Endpoints, parameters)
}

// prepare checks the machine, and clears what an earlier supervisor left behind.
func (s *Stack) prepare(ctx context.Context) error {
	if err := s.in.stopLeftovers(s.options.Steps); err != nil {
		return err
	}
	if err := s.in.create(); err != nil {
		return err
	}
	started, err := createTime(os.Getpid())
	if err != nil {
		return fmt.Errorf("read own start time: %w", err)
	}
	s.state = State{
		Phase:      Starting,
		Supervisor: ProcessRecord{Name: "supervisor", PID: os.Getpid(), StartMillis: started},
	}
	if err := s.in.writeState(s.state); err != nil {
		return err
	}
	return s.options.Steps.Do("check this machine", func() error {
		return s.options.preflight(ctx, s.in)
	})
}

// startParts does side by side what does not depend on each other. Then the emulator has
// the provider's secrets, and the functions are built.
func (s *Stack) startParts(ctx context.Context) error {
	box := toolbox.New(s.options.Root, s.options.Steps.Begin)
	s.Endpoints = Endpoints{
		AWS: endpoint(s.options.Port), Paysim: endpoint(s.options.PaysimPort),
		StackName: stackName, Region: region,
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s.keys, err = s.startEmulator(ctx, box)
		return err
	})
	group.Go(func() error { return s.startPaymentSimulator(ctx) })
	group.Go(func() error {
		venv, err := box.SAM(ctx)
		if err != nil {
			return err
		}
		// The emulator runs functions as processes of this machine, not of Amazon Linux.
		s.tool = sam{root: s.options.Root, in: s.in, venv: venv, aws: s.Endpoints.AWS, goos: runtime.GOOS}
		return s.options.Steps.Do("build the functions (sam build)", func() error { return s.tool.build(ctx) })
	})
	return group.Wait()
}

func (s *Stack) startEmulator(ctx context.Context, box *toolbox.Box) (keys secrets, err error) {
	venv, err := box.Emulators(ctx)
	if err != nil {
		return keys, err
	}
	return keys, s.options.Steps.Do("start the AWS emulator", func() error {
		emulator, err := startMiniStack(ctx, s.in, venv, s.options.address(), s.options.Port)
		if err != nil {
			return err
		}
		if err := s.adopt(emulator); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, emulatorTimeout)
		defer cancel()
		if err := awaitURL(ctx, s.Endpoints.AWS+"/_ministack/ready", emulator); err != nil {
			return err
		}
		keys, err = Connect(s.Endpoints.AWS, region).providerSecrets(ctx)
		return err
	})
}

func (s *Stack) startPaymentSimulator(ctx context.Context) error {
	return s.options.Steps.Do("start the payment simulator", func() error {
		program, err := buildPaysim(ctx, s.options.Root, s.in)
		if err != nil {
			return err
		}
		simulator, err := startPaysim(ctx, s.in, program, s.options.address(), s.options.PaysimPort)
		if err != nil {
			return err
		}
		if err := s.adopt(simulator); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, paysimTimeout)
		defer cancel()
		return awaitURL(ctx, s.Endpoints.Paysim+"/_control/health", simulator)
	})
}

// adopt writes the child down, for Stop and for whoever cleans up after a crash.
func (s *Stack) adopt(c *child) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.children = append(s.children, c)
	s.state.Processes = append(s.state.Processes, c.record)
	go func() {
		<-c.ended
		s.ended <- c
	}()
	return s.in.writeState(s.state)
}

// completeDeployment adds what the emulator leaves out of a deployment, and learns from
// the stack that is named how it is reached.
func completeDeployment(ctx context.Context, cloud Cloud, e *Endpoints) error {
	if err := cloud.permitBatches(ctx, e.StackName); err != nil {
		return err
	}
	if err := cloud.createRoutes(ctx, e.StackName); err != nil {
		return err
	}
	outputs, err := cloud.Outputs(ctx, e.StackName)
	if err != nil {
		return err
	}
	for name, field := range map[string]*string{
		"ApiId": &e.API, "UserPoolId": &e.UserPoolID, "UserPoolClientId": &e.UserPoolClientID,
	} {
		if outputs[name] == "" {
			return fmt.Errorf("the stack has no output %s", name)
		}
		*field = outputs[name]
	}
	// AWS tells APIs apart by host name; the emulator also by path, which needs no name resolution.
	e.API = e.AWS + "/_aws/execute-api/" + e.API
	return nil
}

func (s *Stack) createUsers(ctx context.Context, cloud Cloud) error {
	s.Tokens = make(map[Role]string)
	for _, role := range Roles() {
		token, err := cloud.Token(ctx, s.Endpoints, role.SeededUser(), role)
		if err != nil {
			return err
		}
		s.Tokens[role] = token
	}
	return nil
}

// copyLogs copies the functions' logs to files until the stack is stopped.
func (s *Stack) copyLogs(ctx context.Context, cloud Cloud) error {
	paths, stop, err := followLogs(ctx, cloud, stackName, s.in)
	if err != nil {
		return err
	}
	s.unfollow = stop
	s.Logs = slices.Concat(paths, []string{s.in.Log("paysim"), s.in.Log("ministack")})
	return nil
}

// publish tells other programs that the stack is ready.
func (s *Stack) publish() error {
	env, err := s.Endpoints.dotenv()
	if err != nil {
		return err
	}
	if err := writeAtomically(s.in.EnvFile(), []byte(env)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Phase, s.state.Endpoints = Ready, s.Endpoints
	return s.in.writeState(s.state)
}

// Wait returns nil when ctx ends, and an error if a part of the stack ends by itself.
func (s *Stack) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case c := <-s.ended:
		return endedError(c)
	}
}

// Root returns the repository's root above the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find repository: %w", err)
	}
	return toolbox.FindRoot(dir)
}

// DefaultDir is the instance's directory when none is named.
func DefaultDir(root string) string { return filepath.Join(root, ".local") }
