package httpapi

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"

	"github.com/hailstone-rides/hailstone/internal/resilience"
)

type healthBody struct {
	Status   string `json:"status"`
	Payments string `json:"payments"`
	Version  string `json:"version"`
}

// health says that the API answers, and whether payments have to wait meanwhile.
// It can be asked often, and does not fail with a dependency.
func (a *API) health(w http.ResponseWriter, r *http.Request) error {
	payments, status := a.Payments(r.Context()), "ok"
	if payments != resilience.Closed {
		status = "degraded"
	}
	body, err := json.Marshal(healthBody{Status: status, Payments: payments.String(), Version: a.Release})
	if err != nil {
		return err
	}
	write(w, http.StatusOK, "application/json", body)
	return nil
}

// openAPI returns the handler that shows the contract. It is converted at the
// first request, not at start-up, which every cold start would pay for.
func (a *API) openAPI() handler {
	spec := sync.OnceValues(func() ([]byte, error) {
		var doc map[string]any
		if err := yaml.Unmarshal(a.Spec, &doc); err != nil {
			return nil, fmt.Errorf("openapi.yaml: %w", err)
		}
		return json.Marshal(doc, json.Deterministic(true))
	})
	return func(w http.ResponseWriter, _ *http.Request) error {
		body, err := spec()
		if err != nil {
			return err
		}
		write(w, http.StatusOK, "application/json", body)
		return nil
	}
}
