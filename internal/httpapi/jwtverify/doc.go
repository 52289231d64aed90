// Package jwtverify verifies access tokens where nothing in front of the booking
// function has: `sam local` runs no JWT authorizers. It accepts what the gateway's
// authorizer accepts, and nothing else: a token signed by a key of the issuer's, with
// an RSA algorithm, for this audience, and within its time. What it returns has the form of the
// gateway's claims, so that one place decides what claims mean.
//
// Behind the gateway it does nothing: the issuer's keys are fetched when the first token
// is to be verified, and kept.
package jwtverify
