package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// CallerOf reads from an access token whom the API takes its bearer for. It verifies
// nothing: that is up to the API.
func CallerOf(token string) (booking.Caller, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return booking.Caller{}, errors.New("it is no JWT")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return booking.Caller{}, err
	}
	var claims struct{ Iss, Sub string }
	if err := json.Unmarshal(text, &claims); err != nil {
		return booking.Caller{}, err
	}
	if claims.Iss == "" || claims.Sub == "" {
		return booking.Caller{}, errors.New("it names no issuer or no subject")
	}
	return booking.Caller{Issuer: claims.Iss, Subject: claims.Sub}, nil
}
