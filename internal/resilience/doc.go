// Package resilience holds the policies that stand between this service and a
// dependency that may fail, hang or lie. Each is useful alone, and takes its
// clock and its randomness from the caller.
//
// A guarded call is nested calls, from the outside in:
//
//	deadline( retry( breaker( bulkhead( timeout( call )))))
//
// The order is the point:
//
//   - The deadline ([KeepMargin]) is outermost: no attempt and no wait begins that
//     could not end in time, and some time is left to record the outcome.
//   - [Retry] stands outside the breaker, so that each attempt asks it and each
//     attempt counts; a breaker that opens in between ends the retries.
//   - [Breaker] stands outside the bulkhead: what it refuses needs no place in a
//     queue. A refusal of the bulkhead reaches it from inside and counts as
//     nothing, because the dependency was not asked.
//   - [Bulkhead] stands outside the timeout: a wait for room uses up nothing of the
//     attempt's own time.
//   - [Timeout] is innermost: each attempt has its own limit, and one that hits it
//     is seen by every policy as what it is, a call with an unknown outcome.
//
// What may be repeated follows from the [Class] of an outcome, what it says about
// the dependency's health from its [Verdict], and neither from the text of an
// error. Every policy returns the call's own error untouched; a policy that made no
// call returns a [Refusal].
//
// A [Breaker] is that of one process. Package fleet has one that many processes
// share, and that can stand in its place.
//
// Clocks are wall clocks: a monotonic one may stand still while Lambda freezes a
// process between two invocations. One that is set back ends every wait instead
// of prolonging it.
package resilience
