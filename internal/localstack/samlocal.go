package localstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hailstone-rides/hailstone/internal/localstack/issuer"
	"github.com/hailstone-rides/hailstone/internal/toolbox"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// DefaultAPIPort is that of `sam local start-api`.
const DefaultAPIPort = 3000

const (
	samLocalName = "sam local start-api"
	samLocalLog  = "sam-local"
	bookings     = "BookingFunction"
	payment      = "PaymentFunction"
	// localClient is the client that local tokens are made for.
	localClient = "hailstone-local"
)

// SAMLocal is the HTTP API under `sam local start-api`: the booking function in Docker, on DynamoDB
// Local. Nothing else of the product runs by itself, so bookings stay requested and lists empty;
// Invoke runs another function once. No authorizer runs either: the booking function verifies tokens itself, those of the
// issuer here.
type SAMLocal struct {
	*Stack
	Issuer *issuer.Issuer
	Tables dynamolocal.Tables

	docker   docker
	port     int // of the API
	tool     sam
	template string   // what SAM runs
	image    []string // what to tell SAM of the image
	database *dynamolocal.Server
	secret   string   // ARN of the payment provider's key, where there is one
	close    []func() // what this process itself runs
}

// Scope is which functions are built.
type Scope bool

// The API needs one function; Invoke can run only what was built.
const (
	OnlyAPI      Scope = false
	AllFunctions Scope = true
)

// StartSAMLocal starts the API in the instance's directory and returns when it answers.
// options.Port is that of the API.
func StartSAMLocal(ctx context.Context, in Instance, options Options, scope Scope) (*SAMLocal, error) {
	release, ok, err := in.claim()
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", in.dir, err)
	}
	if !ok {
		return nil, ErrRunning
	}
	s := &SAMLocal{Stack: &Stack{in: in, options: options, release: release, unfollow: func() {}, ended: make(chan *child, 8)}}
	if err := s.start(ctx, scope); err != nil {
		return nil, errors.Join(err, s.Stop()) //nolint:contextcheck // it has to end whatever became of ctx
	}
	return s, nil
}

func (s *SAMLocal) start(ctx context.Context, scope Scope) error {
	if err := s.docker.check(ctx); err != nil {
		return err
	}
	if err := s.docker.removeContainers(ctx, s.in.Log(samLocalLog)); err != nil { // of a run that crashed
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	s.port = s.options.Port // which prepare chose
	machine, err := s.docker.host(ctx)
	if err != nil {
		return err
	}
	if err := s.options.Steps.Do("start DynamoDB Local, create the tables of template.yaml", func() error {
		return s.startDatabase(ctx)
	}); err != nil {
		return err
	}
	if err := s.startIssuer(ctx, machine); err != nil {
		return err
	}
	if scope == AllFunctions {
		if err := s.startNeighbours(ctx, machine); err != nil {
			return err
		}
	}
	if err := s.build(ctx, scope, machine); err != nil {
		return err
	}
	if err := s.options.Steps.Do("start the API (sam local start-api)", func() error { return s.startAPI(ctx) }); err != nil {
		return err
	}
	return s.publish()
}

func (s *SAMLocal) startDatabase(ctx context.Context) error {
	server, err := dynamolocal.Start(ctx)
	if err != nil {
		return err
	}
	s.database = server
	s.close = append(s.close, server.Close)
	s.Endpoints.AWS, s.Endpoints.Region = server.URL, region
	// Without a prefix, the names are what SAM takes a reference to a table for.
	s.Tables, err = dynamolocal.CreateTables(ctx, server.Client(), filepath.Join(s.options.Root, "template.yaml"), "")
	return err
}

// Database returns a client of the tables.
func (s *SAMLocal) Database() *dynamodb.Client { return s.database.Client() }

// startIssuer serves the issuer of tokens where containers reach it.
func (s *SAMLocal) startIssuer(ctx context.Context, machine host) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(machine.listen, "0"))
	if err != nil {
		return fmt.Errorf("start the issuer of tokens: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second}
	s.close = append(s.close, func() { _ = server.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	if s.Issuer, err = issuer.New("http://"+net.JoinHostPort(machine.name, port), localClient, time.Now); err != nil {
		return err
	}
	server.Handler = s.Issuer
	go func() { _ = server.Serve(listener) }() // until it is closed
	s.Tokens = make(map[Role]string)
	for _, role := range Roles() {
		if s.Tokens[role], err = s.Token(role.SeededUser(), role); err != nil {
			return err
		}
	}
	return nil
}

// Token returns an access token of a user with exactly this role.
func (s *SAMLocal) Token(user string, role Role) (string, error) {
	if role == Rider { // which is no group
		return s.Issuer.Token(user)
	}
	return s.Issuer.Token(user, string(role))
}

// build compiles what is to run, for Linux, and finds an image to run it in.
func (s *SAMLocal) build(ctx context.Context, scope Scope, machine host) error {
	arch, err := architecture(runtime.GOARCH)
	if err != nil {
		return err
	}
	venv, err := toolbox.New(s.options.Root, s.options.Steps.Begin).SAM(ctx)
	if err != nil {
		return err
	}
	variables, err := s.variables(machine)
	if err != nil {
		return err
	}
	// A function's variable that SAM's own environment has, too, gets the value from there.
	s.tool = sam{root: s.options.Root, in: s.in, venv: venv, aws: variables[""]["AWS_ENDPOINT_URL"], goos: "linux"}
	var only []string
	if scope == OnlyAPI {
		only = []string{bookings}
	}
	if err := s.options.Steps.Do("build the functions (sam build)", func() error { return s.tool.build(ctx, only...) }); err != nil {
		return err
	}
	if s.image, err = s.docker.baseImage(ctx, arch, s.options.Steps); err != nil {
		return err
	}
	s.template = filepath.Join(s.in.buildDir(), "sam-local.yaml")
	return withVariables(filepath.Join(s.in.buildDir(), "template.yaml"), s.template, variables)
}

// variables leads the functions to DynamoDB Local, to the issuer, and to what else runs. No secret seals cursors, so
// one cannot be read; there is no list that would need one.
func (s *SAMLocal) variables(machine host) (map[string]map[string]string, error) {
	database, err := machine.seen(s.database.URL)
	if err != nil {
		return nil, err
	}
	variables := map[string]map[string]string{
		"":       {"AWS_ENDPOINT_URL": database, "AWS_ENDPOINT_URL_DYNAMODB": database},
		bookings: {"JWT_ISSUER": s.Issuer.URL, "JWT_AUDIENCE": s.Issuer.ClientID, "CURSOR_SECRET_ARN": "none"},
	}
	if s.secret == "" {
		return variables, nil
	}
	variables[payment] = map[string]string{"STRIPE_SECRET_ARN": s.secret, "STRIPE_API_URL": endpointAt(machine.name, s.options.PaysimPort)}
	variables[""]["AWS_ENDPOINT_URL"] = endpointAt(machine.name, s.options.Port)
	return variables, nil
}

func (s *SAMLocal) startAPI(ctx context.Context) error {
	command, err := s.local("start-api", "--port", fmt.Sprint(s.port), "--warm-containers", "LAZY", "--no-watch")
	if err != nil {
		return err
	}
	api, err := startChild(ctx, s.in, samLocalName, s.in.Log(samLocalLog), s.tool.env(), command[0], command[1:]...)
	if err != nil {
		return err
	}
	if err := s.adopt(api); err != nil {
		return err
	}
	s.Endpoints.API = endpoint(s.port)
	s.Logs = []string{s.in.Log(samLocalLog)}
	ctx, cancel := context.WithTimeout(ctx, emulatorTimeout)
	defer cancel()
	return awaitURL(ctx, s.Endpoints.API+"/health", api)
}

// defaultBus is the event bus that every account has.
const defaultBus = "arn:aws:events:" + region + ":" + account + ":event-bus/default"

// local returns the command line of a `sam local` command.
func (s *SAMLocal) local(what string, options ...string) ([]string, error) {
	arch, err := architecture(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	parameters := "Stage=local Architecture=" + arch
	if what == "invoke" { // every function can be, that of an event bus, too
		parameters += " EventBusArn=" + defaultBus
	}
	return s.tool.args([]string{"local", what}, slices.Concat(options, s.image, []string{
		"--template-file", s.template, "--parameter-overrides", parameters,
	})...), nil
}

// Stop ends everything and removes the containers, and the image if it is ours.
func (s *SAMLocal) Stop() error {
	err := s.Stack.Stop()
	for _, end := range s.close {
		end()
	}
	ctx, cancel := context.WithTimeout(context.Background(), dockerTimeout)
	defer cancel()
	if s.template == "" { // nothing ran in Docker
		return err
	}
	return errors.Join(err, s.docker.removeContainers(ctx, s.in.Log(samLocalLog)), s.docker.removeStandIn(ctx))
}
