// Package gatewaytest holds what tests of payments need: Run, the contract that
// every payments.Gateway passes, and Fake, a payment provider in memory that
// passes it and fails on demand.
//
// Fake has no HTTP, goroutines, files or waits of its own: time and faults are
// given to it, so that it runs in a testing/synctest bubble and under a seeded
// scheduler, many thousand calls a second. cmd/paysim is the one to use where
// the wire matters.
package gatewaytest
