package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// CursorKey returns the key that cursors are sealed with, at least 32 bytes. It is
// asked for only when a list has more than one page.
type CursorKey func(context.Context) ([]byte, error)

const (
	macSize = 16
	// minKeySize is what a key must have, lest it can be guessed.
	minKeySize = 32
)

// errNoCursorKey means that the key could not be read just now.
var errNoCursorKey = errors.New("the key of cursors is unavailable")

func (a *API) cursorKey(ctx context.Context) ([]byte, error) {
	key, err := a.CursorKey(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNoCursorKey, err)
	case len(key) < minKeySize:
		return nil, fmt.Errorf("the key of cursors has %d bytes, and needs %d", len(key), minKeySize)
	default:
		return key, nil
	}
}

// seal returns a cursor: where a list goes on, and a proof (HMAC-SHA-256, 128
// bits) that it was this list, of this caller, with this filter, that it was made
// for. It is not secret: it names a place in the caller's own list.
func (a *API) seal(ctx context.Context, scope []string, place string) (string, error) {
	key, err := a.cursorKey(ctx)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(proof(key, scope, place), place...)), nil
}

// unseal returns the place that a cursor names, or a problem for every cursor
// that was not made here for this list.
func (a *API) unseal(ctx context.Context, scope []string, cursor string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	// The decoder overlooks line breaks and spare bits; a cursor is only as it was made.
	if err != nil || len(raw) < macSize || base64.RawURLEncoding.EncodeToString(raw) != cursor {
		return "", badCursor()
	}
	key, err := a.cursorKey(ctx)
	if err != nil {
		return "", err
	}
	place := string(raw[macSize:])
	if !hmac.Equal(raw[:macSize], proof(key, scope, place)) {
		return "", badCursor()
	}
	return place, nil
}

func badCursor() error {
	return problem(CodeMalformed, "The cursor is not one of this list. Begin without one.")
}

// proof precedes each part by its length, so that no two lists have the same scope.
func proof(key []byte, scope []string, place string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range slices.Concat([]string{"hailstone/cursor/1"}, scope, []string{place}) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		mac.Write(n[:])
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)[:macSize]
}
