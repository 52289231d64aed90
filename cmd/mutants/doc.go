// Command mutants measures the simulator: it changes the product's behaviour in one place at a time and counts how
// many of those changes the simulator finds by itself, without any other test.
//
//	go run ./cmd/mutants -n 50 -seed 1
//
// The mutants are chosen at random from the packages that run in Lambda and that the simulator executes; -seed chooses
// others. Each one is compiled into the simulator by an overlay, so the source tree is not touched. A mutant that does
// not compile is replaced by the next one of the same random order.
//
// Mutants of log lines, of texts and of String and Error methods are not made: nothing depends on them.
package main
