// Package fuzz has Schemathesis attack a running deployment, with the deployment's
// own contract as its guide: as every role at once, with bookings in every
// state to hit. What counts as a finding stands in tools/schemathesis.toml.
package fuzz
