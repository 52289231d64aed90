package httpapi

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"
)

type healthBody struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// health says that the API answers. It calls nothing, so that it can be asked
// often and does not fail with a dependency.
func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	body, err := json.Marshal(healthBody{Status: "ok", Version: a.Release})
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
