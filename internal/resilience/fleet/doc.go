// Package fleet is a circuit breaker that many environments share through one small
// record in a store, such as an item of a DynamoDB table.
//
// A call that goes well costs the store nothing: each environment decides by a
// snapshot of the record, which it reads again at most once per TTL. The first
// failing call writes, and an environment that then sees a failure in the window
// reports its healthy calls too, those of the window before that included, so that
// the rate has its denominator.
//
// A failure whose environment knew of no other is marked as unaware: a healthy call
// in its place would not have been reported. Such failures count like others, but open
// the breaker only where the calls that are reported whatever comes of them fail as
// often. So an environment that is alone opens it by the rule to the call, and of
// a thousand whose first failures become known at once none opens it in error.
//
// Reports are sampled: the more calls the fleet makes, the fewer of them are
// written, each standing for many. So the record takes a bounded number of
// writes, however many environments there are.
//
// A breaker whose rest is over lets one probe through in the whole fleet: whoever takes
// the lease, under an id that nobody had before. Healthy ones in a row close it. A
// lease that runs out without a word ends the row: perhaps the dependency hangs, or
// the report of its failure was lost.
//
// Every change of state is conditional on the version that it follows from, and
// raises it. Counts carry the version under which their call was admitted. So a
// result that comes late, a prober whose lease has expired and an environment that
// slept through a change have no effect.
//
// The store is never in the way. Each operation is bounded by StoreTimeout, none
// is made while a call is under way, and its failure is not the call's: without
// a store an environment goes on by a breaker of its own. What the last snapshot
// forbade stays forbidden for as long as it said.
//
// An operator overrules it at a [Desk]. Orders are kept for good, and reach every
// environment within a TTL.
//
// All times are wall-clock times of the environments, whose clocks are taken to
// differ by much less than a second.
package fleet
