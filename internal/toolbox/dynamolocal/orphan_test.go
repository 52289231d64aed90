package dynamolocal

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// holderVariable makes the test binary a process that starts a server and then
// does nothing, to be killed.
const holderVariable = "DYNAMOLOCAL_HOLDER"

func TestMain(m *testing.M) {
	if os.Getenv(holderVariable) == "" {
		m.Run()
		return
	}
	server, err := shared()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Fprintln(os.Stdout, server.URL)
	select {} // until it is killed
}

func TestServerEndsWithItsProcessHoweverThatEnds(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.CommandContext(t.Context(), program)
	holder.Env = append(os.Environ(), holderVariable+"=1", urlVariable+"=")
	output, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(line)
	if err := answers(t.Context(), url); err != nil {
		t.Fatalf("%s does not answer: %v", url, err)
	}
	if err := holder.Process.Kill(); err != nil { // it can do nothing about this
		t.Fatal(err)
	}
	_ = holder.Wait() // killed
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	over := time.After(20 * time.Second)
	for answers(t.Context(), url) == nil {
		select {
		case <-tick.C:
		case <-over:
			t.Fatal("the server outlived its process")
		}
	}
}
