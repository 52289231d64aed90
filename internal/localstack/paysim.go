package localstack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

// ProviderKey is the API key that the payment simulator accepts. It stands for the
// secret that a real deployment keeps in Secrets Manager, and is none.
const ProviderKey = "sk_test_hailstone"

// noticeKey signs what the payment simulator sends to the webhook; none, too.
const noticeKey = "whsec_hailstone"

const paysimName = "payment simulator"

// buildPaysim compiles the payment simulator and returns the program's path.
func buildPaysim(ctx context.Context, root string, in Instance) (string, error) {
	program := filepath.Join(in.binDir(), "paysim")
	return program, run(ctx, command{
		dir: root, log: in.Log("paysim-build"), env: os.Environ(),
		args: []string{"go", "build", "-o", program, "./cmd/paysim"},
	})
}

func startPaysim(ctx context.Context, in Instance, program, listen string, port int) (*child, error) {
	return startChild(ctx, in, paysimName, in.Log("paysim"), os.Environ(),
		program, "-addr", net.JoinHostPort(listen, fmt.Sprint(port)), "-key", ProviderKey)
}

// sendNotices has the payment simulator tell the deployed API what happens to
// payments, as the provider does once an endpoint is set up there.
func sendNotices(ctx context.Context, to Endpoints) error {
	webhook := paysim.Webhook{URL: to.API + "/v1/webhooks/stripe", Secret: noticeKey}
	body, err := json.Marshal(webhook) //nolint:gosec // the secret is none
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, to.Paysim+"/_control/webhook", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("set the webhook of the payment simulator: %w", err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("set the webhook of the payment simulator: it answers %s", answer.Status)
	}
	return nil
}
