package doctor_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/doctor"
)

// simple is a deployment with little of what can be turned on.
const simple = "Stage=dev StripeSecretArn=" + key + " StripeApiUrl=http://127.0.0.1:1"

func TestAHealthyAccountHasNoProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parameters string
		deployed   bool
		checks     int
	}{
		"before the first deployment, little": {simple, false, 12},
		"before the first deployment, all":    {everything, false, 17},
		"deployed, little":                    {simple, true, 16},
		"deployed, all":                       {everything, true, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, test.parameters)
			c.deployed = test.deployed
			report, text := c.examined(t, nil)
			if report.Problems != 0 || report.NotChecked != 0 || report.OK != test.checks || report.Deployed != test.deployed || report.Account != account {
				t.Errorf("%s, deployed %t, account %s", report.Summary(), report.Deployed, report.Account)
			}
			if lines := strings.Count(text, "\n"); lines != test.checks || strings.Count(text, "ok           ") != test.checks {
				t.Errorf("%d lines for %d checks:\n%s", lines, test.checks, text)
			}
		})
	}
}

// A secret's value is in no line.
func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"sk_live_hidden", "hidden", "hidden\n"} {
		c := newCloud(t, everything)
		c.override["secretsmanager:GetSecretValue"] = toJSON(object{"SecretString": value})
		report, text := c.examined(t, nil)
		raw, err := json.Marshal(report)
		if err != nil || strings.Contains(text+string(raw), "hidden") {
			t.Errorf("%v: %s\n%s", err, text, raw)
		}
	}
}

// Without an account nothing else can be looked at.
func TestNothingIsLookedAtWithoutCredentials(t *testing.T) {
	t.Parallel()
	c := newCloud(t, simple)
	c.override["sts:GetCallerIdentity"] = fails("ExpiredToken")
	report, text := c.examined(t, nil)
	if len(report.Checks) != 1 || report.Problems != 1 || !strings.Contains(text, "sign in again") {
		t.Errorf("%s%+v", text, report)
	}
}

// A call that an emulator does not know is never ok, and a problem on AWS.
func TestWhatAnEmulatorDoesNotKnowIsNotChecked(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"InvalidAction", "UnknownOperationException", "NotImplemented"} {
		for _, emulated := range []bool{true, false} {
			c := newCloud(t, simple)
			c.override["servicequotas:GetServiceQuota"] = fails(code)
			report, text := c.examined(t, func(p *doctor.Patient) { p.Emulated = emulated })
			want := "problem      quota of API Gateway: it could not be read"
			if emulated {
				want = "not checked  quota of API Gateway: the emulator has no servicequotas:GetServiceQuota"
			}
			if !strings.Contains(text, want) || (report.NotChecked == 2) != emulated || (report.Problems == 2) == emulated {
				t.Errorf("emulated %t, %s:\n%s", emulated, code, text)
			}
		}
	}
}

// An empty answer of an emulator is no proof either.
func TestAnEmptyAnswerIsNotChecked(t *testing.T) {
	t.Parallel()
	c := newCloud(t, everything)
	for _, action := range []string{"servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota", "lambda:GetAccountSettings", "ssm:GetParameters"} {
		c.override[action] = toJSON(object{})
	}
	report, text := c.examined(t, func(p *doctor.Patient) { p.Emulated = true })
	if report.NotChecked != 5 || report.Problems != 0 {
		t.Errorf("%d not checked:\n%s", report.NotChecked, text)
	}
}

// The default of a quota counts where none was ever applied for.
func TestTheDefaultOfAQuotaCounts(t *testing.T) {
	t.Parallel()
	c := newCloud(t, simple)
	c.override["servicequotas:GetServiceQuota"] = fails("NoSuchResourceException")
	c.override["servicequotas:GetAWSDefaultServiceQuota"] = toJSON(object{"Quota": object{"Value": 2500}})
	if report, text := c.examined(t, nil); report.Problems != 0 || !strings.Contains(text, "2500 requests a second of API Gateway") {
		t.Errorf("%s", text)
	}
}

// A secret that is not named is a problem of the parameters, once.
func TestASecretThatIsNotNamedIsNotChecked(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "Stage=prod")
	report, text := c.examined(t, nil)
	if report.Problems != 1 || report.NotChecked != 1 || !strings.Contains(text, "not checked  secret of the payment provider: StripeSecretArn has no value") {
		t.Error(text)
	}
}

// trouble is something wrong in an account or a stack, and what the doctor says about it.
type trouble struct {
	parameters string // everything by default
	deployed   bool
	spoil      func(*cloud)
	patient    func(*doctor.Patient)
	check      string
	want       string
}

// answers overrides the answer to a call.
func answers(action string, r reply) func(*cloud) {
	return func(c *cloud) { c.override[action] = r }
}

func TestEachProblemIsFound(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	t.Run("troubles", func(t *testing.T) {
		for name, test := range allTroubles() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if test.parameters == "" {
					test.parameters = everything
				}
				c := newCloud(t, test.parameters)
				c.deployed = test.deployed
				if test.spoil != nil {
					test.spoil(c)
				}
				report, text := c.examined(t, test.patient)
				i := slices.IndexFunc(report.Checks, func(k doctor.Check) bool { return k.Name == test.check })
				if i < 0 || report.Checks[i].Outcome != doctor.Problem || report.Problems != 1 {
					t.Fatalf("want one problem, with %s:\n%s", test.check, text)
				}
				problems := report.Checks[i].Problems
				if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, test.want) }) {
					t.Errorf("want %q, got %q", test.want, problems)
				}
				if !strings.Contains(text, "problem      "+test.check+": ") {
					t.Errorf("no line says it:\n%s", text)
				}
				mu.Lock()
				seen = append(seen, problems...)
				mu.Unlock()
			})
		}
	})
	for _, format := range problemsOfTheCode(t) {
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`%(\\\.[0-9])?[a-z]`).ReplaceAllString(regexp.QuoteMeta(format), ".*") + "$")
		if !slices.ContainsFunc(seen, pattern.MatchString) {
			t.Errorf("no test reaches the problem %q", format)
		}
	}
}

// problemsOfTheCode are the formats of all calls of wrong.
func problemsOfTheCode(t *testing.T) []string {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var formats []string
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if selector, ok := call.Fun.(*ast.SelectorExpr); !ok || selector.Sel.Name != "wrong" {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s: wrong is called without a literal format", file.Name())
			}
			format, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			formats = append(formats, format)
			return true
		})
	}
	if len(formats) < 40 {
		t.Fatalf("only %d problems are in the code", len(formats))
	}
	return formats
}

// The rights that docs/DEPLOY.md lists are those of the calls that are made, no more and no fewer.
func TestTheRightsAreDocumented(t *testing.T) {
	t.Parallel()
	called := map[string]bool{}
	for _, deployed := range []bool{false, true} {
		c := newCloud(t, everything)
		c.deployed = deployed
		c.override["servicequotas:GetServiceQuota"] = fails("NoSuchResourceException")
		if report, text := c.examined(t, nil); report.Problems != 0 {
			t.Fatal(text)
		}
		for action := range c.called {
			called[action] = true
		}
	}
	delete(called, "sts:GetCallerIdentity") // which needs no right
	text, err := os.ReadFile(root + "docs/DEPLOY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### The rights of the doctor\n")
	_, policy, _ := strings.Cut(section, "```json\n")
	policy, _, _ = strings.Cut(policy, "```")
	var document struct {
		Statement []struct{ Action []string }
	}
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		t.Fatalf("docs/DEPLOY.md: the policy: %v", err)
	}
	var documented []string
	for _, statement := range document.Statement {
		documented = append(documented, statement.Action...)
	}
	slices.Sort(documented)
	want := []string{}
	for action := range called {
		want = append(want, action)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("docs/DEPLOY.md, rights of the doctor (-called +documented):\n%s", diff)
	}
}

// The form for programs is stable.
func TestTheReportAsJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(doctor.Report{
		Stack: "s", Region: "r", Account: "a", Deployed: true, OK: 1, Problems: 2, NotChecked: 3,
		Checks: []doctor.Check{{Name: "n", Outcome: doctor.NotChecked, Found: "f", Problems: []string{"p"}}},
	})
	const want = `{"stack":"s","region":"r","account":"a","deployed":true,` +
		`"checks":[{"name":"n","outcome":"not checked","found":"f","problems":["p"]}],"ok":1,"problems":2,"not_checked":3}`
	if err != nil || string(raw) != want {
		t.Errorf("%v %s", err, raw)
	}
	if got := fmt.Sprint(doctor.Report{OK: 1, Problems: 2, NotChecked: 3}.Summary()); got != "1 ok, 2 with problems, 3 not checked" {
		t.Error(got)
	}
}
