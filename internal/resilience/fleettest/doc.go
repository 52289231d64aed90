// Package fleettest holds the contract that every store of a fleet's breaker keeps,
// and a store in memory that keeps it too.
package fleettest
