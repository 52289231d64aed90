// Package telemetry makes a deployed function tell what it does: one line of JSON for
// each invocation, whatever becomes of it, with the metrics of that invocation in
// the embedded metric format; lines in between that carry the ids by which one
// booking is followed through every function; and, where an endpoint is set, spans.
//
// It hangs on the context of an invocation. Code that runs without one, as in tests
// and in the simulator, pays nothing and tells nothing; the inner packages know of
// none of it and write to the logger that they are given.
//
// What must never be logged: card data, payment tokens, coordinates, names,
// labels, request bodies.
package telemetry
