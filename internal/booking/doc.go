// Package booking is the domain: what can happen to a ride booking, and who may
// make it happen.
//
// It reads in this order: the facts (event.go), what they add up to (state.go),
// what can be asked for (command.go), when it is granted (decide.go, fare.go),
// how facts are stored (codec.go), and the one loop that appends them
// (service.go).
//
// [Decide] and [Evolve] are pure and total: time, ids and tariffs come in with
// the command, and no input makes them panic. Everything that happens to a
// booking, payments included, is an event of its stream, so that one order holds
// for all of it.
package booking
