// Package deferraltest has a store of deferred work in memory, and the contract that
// it and every other one keeps.
package deferraltest
