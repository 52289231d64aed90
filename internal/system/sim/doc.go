// Package sim runs the whole system in one goroutine at a time, in simulated
// time, under faults, and checks what the system promises while it runs and once
// the faults are over. docs/TESTING.md tells how to use and extend it.
//
// A [World] is made from a seed or from the trace of an earlier run. It holds the
// deployed handlers, over models of what surrounds them: stores, queues, the
// change stream, Lambda, the payment provider, and people who book and drive.
// Every goroutine of a world is a task that gives way at each input or output;
// the scheduler chooses who goes on. All choices, that one too, come from one
// source, so that a seed is a world: the same seed gives the same run, event for
// event.
//
// The guarantees are checked by an oracle that sees every effect as it happens
// and knows the rules in words of its own; it shares the fold of the events with
// the product, and nothing else.
package sim
