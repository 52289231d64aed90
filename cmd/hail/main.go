// Command hail is the tool of those who develop and operate Hailstone.
//
// Results go to standard output, progress to standard error. It ends with 0 if all went well,
// 1 if something failed, 2 if it was called wrongly, and 3 if it looked for differences
// and found some.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitDiffer = 3
)

// commands is the command line.
type commands struct {
	JSON bool `help:"Print the result as JSON."`

	Breaker   breakerCommand   `cmd:"" help:"Look at the breaker before the payment provider, or overrule it."`
	Dev       devCommand       `cmd:"" help:"Run the whole product on this machine: emulated AWS, simulated payments, real deployment."`
	Doctor    doctorCommand    `cmd:"" help:"Check an AWS account before the first deployment, and the stack after it."`
	Token     tokenCommand     `cmd:"" help:"Print an access token of a local user, creating the user if need be."`
	RiderID   riderIDCommand   `cmd:"" help:"Print the id that the API and the log have for a rider."`
	Book      bookCommand      `cmd:"" help:"Book a ride."`
	Status    statusCommand    `cmd:"" help:"Show what waits, what lags, and what needs attention."`
	Payments  paymentsCommand  `cmd:"" help:"Look at payments that wait for the provider."`
	Reconcile reconcileCommand `cmd:"" help:"Compare a booking's payment with what the provider has."`
	Rebuild   rebuildCommand   `cmd:"" help:"Make the views anew from the log, while they serve."`
	Audit     auditCommand     `cmd:"" help:"Compare every view with the log, and mend what differs."`
	Publish   publishCommand   `cmd:"" help:"Tell the event bus once more of what the log has of a time."`
	DLQ       dlqCommand       `cmd:"" name:"dlq" help:"Look through the dead-letter queues, and bring messages back."`
	Smoke     smokeCommand     `cmd:"" help:"Check a deployed stack end to end: the running local one, one in AWS, or any with tokens."`
	Tools     toolsCommand     `cmd:"" help:"Install a pinned tool under .tools/ and print the directory of its programs."`
}

// app is what every command works with.
type app struct {
	ctx    context.Context
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
	json   bool
}

// errReported ends the program with a failure that its output has told already.
var errReported = errors.New("failed")

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // which nohup asks for
		signals = append(signals, syscall.SIGHUP) // the terminal was closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run parses the arguments, runs the command they name and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cli commands
	helped := false
	parser, err := kong.New(&cli,
		kong.Name("hail"),
		kong.Description("Develop and operate Hailstone."),
		kong.Writers(stdout, stderr),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(int) { helped = true }), // --help
		kong.Vars{
			"port":       fmt.Sprint(localstack.DefaultPort),
			"paysimport": fmt.Sprint(localstack.DefaultPaysimPort),
			"apiport":    fmt.Sprint(localstack.DefaultAPIPort),
		},
	)
	if err != nil {
		fmt.Fprintf(stderr, "hail: %v\n", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	switch {
	case helped:
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "hail: %v (hail --help tells more)\n", err)
		return exitUsage
	}
	if flag := emptyFlag(command); flag != "" {
		fmt.Fprintf(stderr, "hail: %s is given without a value: leave it out, or set the variable that was meant\n", flag)
		return exitUsage
	}
	err = command.Run(&app{ctx: ctx, stdout: stdout, stderr: stderr, now: time.Now, json: cli.JSON})
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDifferences):
		return exitDiffer
	case errors.Is(err, errReported):
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "hail: interrupted")
	default:
		fmt.Fprintf(stderr, "hail: %v\n", err)
	}
	return exitFailed
}

// emptyFlag returns a flag that was given an empty text, as by a variable of the shell that
// is not set: it would count as left out, and a command would reach further than was meant.
func emptyFlag(c *kong.Context) string {
	for _, p := range c.Path {
		if p.Flag == nil {
			continue
		}
		if text, ok := c.FlagValue(p.Flag).(string); ok && text == "" {
			return "--" + p.Flag.Name
		}
	}
	return ""
}

// steps returns a display of progress on standard error.
func (a *app) steps() *localstack.Steps {
	return localstack.NewSteps(a.stderr, a.columns(), a.now)
}

// columns is how wide the terminal is that standard error goes to; 0 where it goes
// elsewhere.
func (a *app) columns() int {
	if file, ok := a.stderr.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

func (a *app) terminal() bool { return a.columns() > 0 }
