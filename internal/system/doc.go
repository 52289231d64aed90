// Package system runs all functions in one process, over adapters in memory, so
// that the way of a booking through the whole system can be told as a story and
// tested in milliseconds. The handlers are the deployed ones; what differs is
// below them.
package system
