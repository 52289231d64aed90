// Package eventstest holds an in-memory events.Store and the contract that
// every store passes, the in-memory one included.
package eventstest
