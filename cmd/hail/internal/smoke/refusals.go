package smoke

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// callers checks who may see the booking.
func (s *session) callers() {
	s.check("no token is refused with 401", func() error {
		return s.refusedToken("")
	})
	s.check("a token with another signature is refused with 401", func() error {
		token, err := withSignatureChanged(s.target.Rider)
		if err != nil {
			return err
		}
		return s.refusedToken(token)
	})
	s.check("another rider's booking is 404, told apart in nothing from one that does not exist", func() error {
		if s.booking.ID == "" {
			return errNoBooking
		}
		// Both ids are of the same form; no booking has the second.
		unknown := "bk_" + strings.Repeat("a", max(1, len(s.booking.ID)-len("bk_")))
		foreign, err := s.refusal(s.other, s.booking.ID)
		if err != nil {
			return fmt.Errorf("foreign: %w", err)
		}
		missing, err := s.refusal(s.other, unknown)
		if err != nil {
			return fmt.Errorf("unknown: %w", err)
		}
		return ensure(maps.Equal(foreign, missing), "foreign is %v, unknown is %v", foreign, missing)
	})
}

// forgers tries the forged tokens.
func (s *session) forgers() {
	for _, fault := range slices.Sorted(maps.Keys(s.target.Forged)) {
		s.check("a token "+fault+" is refused with 401", func() error {
			return s.refusedToken(s.target.Forged[fault])
		})
	}
}

// refusedToken expects the token to be refused on reading and on booking.
func (s *session) refusedToken(token string) error {
	client := api.Client{Base: s.target.API, Token: token}
	read, err := client.Do(s.ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + s.booking.ID})
	if err != nil {
		return err
	}
	write, err := client.Do(s.ctx, api.Request{Method: http.MethodPost, Path: "/v1/bookings", Key: s.key + "-refused", Body: api.SampleRequest()})
	if err != nil {
		return err
	}
	return errors.Join(read.Err(http.StatusUnauthorized), write.Err(http.StatusUnauthorized))
}

// withSignatureChanged changes one character in the middle of a JWT's signature, where
// every bit counts.
func withSignatureChanged(token string) (string, error) {
	at := strings.LastIndexByte(token, '.')
	if at < 0 || at == len(token)-1 {
		return "", errors.New("the rider's token is no JWT")
	}
	middle := at + 1 + (len(token)-at-1)/2
	replacement := byte('A')
	if token[middle] == replacement {
		replacement = 'B'
	}
	return token[:middle] + string(replacement) + token[middle+1:], nil
}

// refusal returns the 404 for a booking, without what differs between any two requests.
func (s *session) refusal(client api.Client, id string) (map[string]string, error) {
	for _, suffix := range []string{"", "/events"} {
		response, err := client.Do(s.ctx, api.Request{Method: http.MethodGet, Path: "/v1/bookings/" + id + suffix})
		if err != nil {
			return nil, err
		}
		if err := problem(response, http.StatusNotFound, "not-found"); err != nil {
			return nil, fmt.Errorf("%s: %w", suffix, err)
		}
		if suffix != "" {
			return fields(response, id)
		}
	}
	return nil, errors.New("nothing was asked")
}

// fields returns the members of a JSON object as text, with the id made the same everywhere.
func fields(response api.Response, id string) (map[string]string, error) {
	var body map[string]json.RawMessage
	if err := response.Decode(&body); err != nil {
		return nil, err
	}
	members := make(map[string]string)
	for name, value := range body {
		if name != "instance" { // the request's own id
			members[name] = strings.ReplaceAll(string(value), id, "<id>")
		}
	}
	return members, nil
}

// refusedRequests checks requests that nothing may be stored for.
func (s *session) refusedRequests() {
	s.check("a POST without Idempotency-Key is refused with 400", func() error {
		response, err := s.post("", api.SampleRequest())
		if err != nil {
			return err
		}
		return problem(response, http.StatusBadRequest, "missing-idempotency-key")
	})
	s.check("an Idempotency-Key that could be two, as the gateway joins them, is refused with 400", func() error {
		response, err := s.post(s.key+","+s.key, api.SampleRequest())
		if err != nil {
			return err
		}
		return problem(response, http.StatusBadRequest, "malformed-request")
	})
	s.check("a body with values out of range is refused with 422 that points at each", func() error {
		request := api.SampleRequest()
		request.Pickup.Lat, request.Product = 91, "hovercraft"
		response, err := s.post(s.key+"-invalid", request)
		if err != nil {
			return err
		}
		if err := problem(response, http.StatusUnprocessableEntity, "validation-failed"); err != nil {
			return err
		}
		var body api.Problem
		if err := response.Decode(&body); err != nil {
			return err
		}
		var pointers []string
		for _, e := range body.Errors {
			pointers = append(pointers, e.Pointer)
		}
		slices.Sort(pointers)
		return ensure(slices.Equal(pointers, []string{"/pickup/lat", "/product"}), "errors point at %v, want /pickup/lat and /product", pointers)
	})
	s.check("a body with an unknown field is refused with 400", func() error {
		response, err := s.post(s.key+"-unknown", map[string]any{"pick_up": nil})
		if err != nil {
			return err
		}
		return problem(response, http.StatusBadRequest, "malformed-request")
	})
}

// problem expects an error response of the API's own form.
func problem(response api.Response, status int, code string) error {
	if err := response.Err(status); err != nil {
		return err
	}
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type: %w", err)
	}
	var body api.Problem
	if err := response.Decode(&body); err != nil {
		return err
	}
	return errors.Join(
		equal("content type", mediaType, "application/problem+json"),
		equal("code", body.Code, code),
		equal("status member", body.Status, status),
		ensure(body.Title != "", "no title"),
	)
}

func equal[T comparable](what string, got, want T) error {
	return ensure(got == want, "%s: got %v, want %v", what, got, want)
}

func ensure(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
