// Package archtest holds the test of the import rule: dependencies point inward, from
// functions over adapters and edges to the domain, and the domain does no I/O. So what
// a booking may become can be read, tested and simulated without AWS, HTTP or a clock.
// It has no other code; which package may import which stands in rules_test.go.
package archtest
