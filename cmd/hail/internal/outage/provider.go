package outage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

// Behaviour is what state the provider is in.
type Behaviour string

// The behaviours.
const (
	Well    Behaviour = "well"
	Down    Behaviour = "down"    // every connection is cut
	Hanging Behaviour = "hanging" // no call is answered: callers give up after 5 s
)

// Provider is the payment simulator.
type Provider struct{ URL string }

// Stats is what the simulator counts.
type Stats paysim.Stats

func (s Stats) calls() int {
	n := 0
	for _, calls := range s.Calls {
		n += calls
	}
	return n
}

// Behave puts the simulator into a state.
func (p Provider) Behave(ctx context.Context, b Behaviour) error {
	plan := paysim.Plan{Rules: []paysim.Rule{}}
	switch b {
	case Well:
	case Down:
		plan.Rules = append(plan.Rules, paysim.Rule{Op: paysim.OpAny, Kind: paysim.KindReset})
	case Hanging:
		plan.Rules = append(plan.Rules, paysim.Rule{Op: paysim.OpAny, Kind: paysim.KindTimeoutBefore})
	}
	return p.Faults(ctx, plan)
}

// Faults replaces the simulator's faults.
func (p Provider) Faults(ctx context.Context, plan paysim.Plan) error {
	body, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	return p.ask(ctx, http.MethodPut, "faults", body, nil)
}

// Stats returns what the simulator has counted since it was started.
func (p Provider) Stats(ctx context.Context) (s Stats, err error) {
	return s, p.ask(ctx, http.MethodGet, "stats", nil, &s)
}

// Holds returns how many payments ever held money for each booking.
func (p Provider) Holds(ctx context.Context) (map[string]int, error) {
	var ledger paysim.Ledger
	if err := p.ask(ctx, http.MethodGet, "ledger", nil, &ledger); err != nil {
		return nil, err
	}
	holds := map[string]int{}
	for _, payment := range ledger.Payments {
		if payment.Authorized > 0 {
			holds[payment.BookingID]++
		}
	}
	return holds, nil
}

func (p Provider) ask(ctx context.Context, method, what string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, p.URL+"/_control/"+what, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("payment simulator, %s: %w", what, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("payment simulator, %s: %w", what, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, text)
	}
	if err == nil && answer != nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		return fmt.Errorf("payment simulator, %s: %w", what, err)
	}
	return nil
}
