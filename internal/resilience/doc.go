// Package resilience holds the policies that stand between this service and a
// dependency that may fail, hang or lie. Each is useful alone, and takes its
// clock and its randomness from the caller.
//
// A guarded call is put together from the outside in:
//
//	deadline( retry( timeout( call )))
//
// Retry stands outside the timeout, so that each attempt has its own limit, and
// inside the deadline, so that no attempt or wait begins that could not end in
// time. What may be repeated follows from the [Class] of an outcome, never from
// the text of an error.
package resilience
