// Package sweeper does what time alone makes due, and finds what was missed. A
// [Runner] is started every minute and lets its passes run by turns, for as long as
// there is due work and time is left.
//
// It holds no truth: whatever it is interrupted in, the next run finds again. Two
// runners at the same time are harmless, only wasteful.
package sweeper
