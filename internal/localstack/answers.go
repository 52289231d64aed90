package localstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// awaitAPI waits until the deployed API serves what needs no token and what needs
// one: the function runs, the gateway accepts its own tokens, the function may
// read its tables.
func awaitAPI(ctx context.Context, api, token string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := poll(ctx, func() error { return probe(ctx, api+"/health") }); err != nil {
		return fmt.Errorf("GET /health: %w", err)
	}
	// Any id that no booking has.
	const unknown = "/v1/bookings/bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	if err := poll(ctx, func() error { return probeUnknown(ctx, api+unknown, token) }); err != nil {
		return fmt.Errorf("GET %s: %w", unknown, err)
	}
	return nil
}

// poll repeats try until it succeeds; when ctx ends it returns the last error of try.
func poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil { // else the end of ctx is the reason
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return context.Canceled
			}
			return last
		}
	}
}

// probeUnknown expects our own 404, which the gateway's for an unknown route is not.
func probeUnknown(ctx context.Context, url, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var problem struct{ Code string }
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil || response.StatusCode != http.StatusNotFound || problem.Code != "not-found" {
		return fmt.Errorf("status %d, code %q, want 404 and not-found", response.StatusCode, problem.Code)
	}
	return nil
}
