package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/sqsfake"
	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/resilience"
	"github.com/hailstone-rides/hailstone/internal/resilience/dynamobreaker"
	"github.com/hailstone-rides/hailstone/internal/resilience/fleet"
	"github.com/hailstone-rides/hailstone/internal/toolbox/dynamolocal"
)

// account is an AWS account with one stack, whose tables are real.
type account struct {
	url string
	db  dynamolocal.DB
}

const (
	stackOutputs = `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
<StackName>%s</StackName><CreationTime>2026-11-23T08:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>%s</Outputs>
</member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
	stackOutput = `<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`
)

// newAccount has a stack with one output, which names the control table.
func newAccount(t *testing.T, output string) account {
	t.Helper()
	db := dynamolocal.New(t)
	return newAccountOf(t, db, map[string]string{output: db.Tables.Control}, http.NotFoundHandler())
}

// newAccountOf answers for CloudFormation, and passes on what is for DynamoDB and SQS.
func newAccountOf(t *testing.T, db dynamolocal.DB, outputs map[string]string, queues http.Handler) account {
	t.Helper()
	tables, err := url.Parse(*db.Client.Options().BaseEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(tables) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sqsfake.Handles(r) {
			queues.ServeHTTP(w, r)
			return
		}
		if r.Header.Get("X-Amz-Target") != "" {
			pass.ServeHTTP(w, r)
			return
		}
		name := r.FormValue("StackName")
		if name == "nowhere" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id nowhere does not exist</Message></Error></ErrorResponse>`)
			return
		}
		var told strings.Builder
		for key, value := range outputs {
			fmt.Fprintf(&told, stackOutput, key, value)
		}
		fmt.Fprintf(w, stackOutputs, name, told.String())
	}))
	t.Cleanup(server.Close)
	return account{url: server.URL, db: db}
}

// instance is the directory of a local stack in the account.
func (a account) instance(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	env := fmt.Sprintf("API_URL=http://127.0.0.1:1\nPAYSIM_URL=http://127.0.0.1:1\nSTACK_NAME=local\nUSER_POOL_ID=p\nUSER_POOL_CLIENT_ID=c\n"+
		"AWS_ENDPOINT_URL=%s\nAWS_REGION=eu-west-1\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\n", a.url)
	if err := os.WriteFile(filepath.Join(dir, "env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// environments are instances of the payment function, which share the breaker.
func (a account) environments(t *testing.T, n int, now func() time.Time) []*fleet.Breaker {
	t.Helper()
	var envs []*fleet.Breaker
	for range n {
		cfg := fleet.Defaults(payments.BreakerRules(now, func() float64 { return 0 }))
		cfg.StoreTimeout = 20 * time.Second // the machine of a test may be busy
		b, err := fleet.New(dynamobreaker.New(a.db.Client, a.db.Tables.Control, payments.BreakerName), cfg)
		if err != nil {
			t.Fatal(err)
		}
		envs = append(envs, b)
	}
	return envs
}

func TestAnOrderReachesEveryEnvironmentWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	a := newAccount(t, "ControlTableName")
	dir := a.instance(t)
	at := time.Now()
	envs := a.environments(t, 5, func() time.Time { return at })
	everywhere := func(when string, want resilience.State) {
		t.Helper()
		for i, b := range envs {
			if got := b.State(t.Context()); got != want {
				t.Errorf("%s, environment %d: %s, want %s", when, i+1, got, want)
			}
		}
	}
	everywhere("before any order", resilience.Closed)
	for _, step := range []struct {
		verb string
		was  resilience.State
		want resilience.State
	}{
		{"open", resilience.Closed, resilience.Open},
		{"close", resilience.Open, resilience.Closed},
		{"open", resilience.Closed, resilience.Open},
		{"auto", resilience.Open, resilience.Closed},
	} {
		if code, stdout, stderr := hail(t, "breaker", step.verb, "--dir", dir, "--by", "ada", "--why", "to see"); code != exitOK || !strings.Contains(stdout, "by ada") {
			t.Fatalf("hail breaker %s: %d, %q, %q", step.verb, code, stdout, stderr)
		}
		at = at.Add(2*time.Second - time.Millisecond)
		everywhere("just before 2 s after "+step.verb, step.was)
		at = at.Add(time.Millisecond)
		everywhere("2 s after "+step.verb, step.want)
	}
}

func TestOrdersAreKeptWithWhoWhenAndWhy(t *testing.T) {
	t.Parallel()
	a := newAccount(t, "ControlTableName")
	dir := a.instance(t)
	began := time.Now().Add(-time.Second)
	for _, order := range [][3]string{{"open", "ada", "their status page is red"}, {"close", "grace", "we know better"}, {"auto", "ada", "it is over"}} {
		if code, _, stderr := hail(t, "breaker", order[0], "--dir", dir, "--by", order[1], "--why", order[2]); code != exitOK {
			t.Fatalf("%v: %d, %q", order, code, stderr)
		}
	}
	code, stdout, stderr := hail(t, "--json", "breaker", "status", "--dir", dir, "--orders", "10")
	var got struct {
		Breaker, State, Mode string
		Orders               []struct {
			Number               int
			Mode, By, Why, Found string
			At                   time.Time
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); code != exitOK || err != nil {
		t.Fatalf("%d, %v, %q, %q", code, err, stdout, stderr)
	}
	if got.Breaker != "payments" || got.State != "closed" || got.Mode != "AUTO" || len(got.Orders) != 3 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []struct{ mode, by, why, found string }{
		{"AUTO", "ada", "it is over", "FORCED_CLOSED, closed"},
		{"FORCED_CLOSED", "grace", "we know better", "FORCED_OPEN, open"},
		{"FORCED_OPEN", "ada", "their status page is red", "AUTO, closed"},
	} {
		o := got.Orders[i]
		if o.Number != 3-i || o.Mode != want.mode || o.By != want.by || o.Why != want.why || o.Found != want.found || o.At.Before(began) {
			t.Errorf("order %d: %+v, want %+v", 3-i, o, want)
		}
	}
	code, stdout, _ = hail(t, "breaker", "status", "--dir", dir)
	if code != exitOK || !strings.HasPrefix(stdout, "payments  closed  AUTO\n") || strings.Count(stdout, "\n") != 2 || !strings.Contains(stdout, "AUTO by ada: it is over") {
		t.Errorf("%d, %q; want the state and the last order", code, stdout)
	}
}

// The environment is the whole process's: no parallel tests here.
func TestAStackOnAWSIsReachedAsTheShellSays(t *testing.T) {
	a := newAccount(t, "ControlTableName")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": a.url, "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "HAIL_BY": "grace",
	} {
		t.Setenv(name, value)
	}
	code, stdout, stderr := hail(t, "breaker", "open", "--stack", "hailstone-prod", "--region", "eu-west-1", "--why", "maintenance")
	if code != exitOK || !strings.Contains(stdout, "order 1: FORCED_OPEN by grace") {
		t.Fatalf("%d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, _ = hail(t, "breaker", "status", "--stack", "hailstone-prod", "--region", "eu-west-1"); code != exitOK || !strings.Contains(stdout, "open  FORCED_OPEN") {
		t.Errorf("%d, %q", code, stdout)
	}
	if code, _, stderr = hail(t, "breaker", "status", "--stack", "nowhere", "--region", "eu-west-1"); code != exitFailed || !strings.Contains(stderr, "does not exist") {
		t.Errorf("%d, %q; want it said that there is no such stack", code, stderr)
	}
}

func TestBreakerIsCalledWrongly(t *testing.T) {
	t.Parallel()
	dir := newAccount(t, "SomethingElse").instance(t)
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"breaker"}, exitUsage, "expected one of"},
		{[]string{"breaker", "open", "--by", "ada"}, exitUsage, "--why"},
		{[]string{"breaker", "open", "--by", "ada", "--why", "x", "--dir", dir}, exitFailed, "no output ControlTableName"},
		{[]string{"breaker", "open", "--by", "ada", "--why", "", "--dir", dir}, exitUsage, "--why is given without a value"},
		{[]string{"breaker", "status", "--region", "eu-west-1", "--dir", dir}, exitFailed, "--region needs --stack"},
		{[]string{"breaker", "status", "--orders=-1", "--dir", dir}, exitFailed, "below zero"},
		{[]string{"breaker", "status", "--dir", t.TempDir()}, exitFailed, "start it with hail dev up"},
	} {
		if code, stdout, stderr := hail(t, test.args...); code != test.code || !strings.Contains(stdout+stderr, test.says) {
			t.Errorf("hail %s: %d, %q, %q; want %d and %q", strings.Join(test.args, " "), code, stdout, stderr, test.code, test.says)
		}
	}
	whole := newAccount(t, "ControlTableName").instance(t)
	if code, _, stderr := hail(t, "breaker", "open", "--dir", whole, "--by", "ada", "--why", " "); code != exitFailed || !strings.Contains(stderr, "a reason are needed") {
		t.Errorf("%d, %q; want no order without a reason", code, stderr)
	}
}

// A container has no USER: the order is given all the same, in the name of the account.
func TestAnOrderWithoutUserNamesTheAccount(t *testing.T) {
	account, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"HAIL_BY", "USER", "LOGNAME"} {
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	dir := newAccount(t, "ControlTableName").instance(t)
	if code, stdout, stderr := hail(t, "breaker", "open", "--dir", dir, "--why", "maintenance"); code != exitOK || !strings.Contains(stdout, "by "+account.Username+" ") {
		t.Errorf("%d, %q, %q; want an order by %s", code, stdout, stderr, account.Username)
	}
}
