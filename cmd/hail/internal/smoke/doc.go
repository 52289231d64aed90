// Package smoke checks a deployed stack end to end, from outside: over plain HTTP,
// as riders use it, and, where the stack gives access to them, at the payment
// provider's ledger, the views and the dead letters.
//
// It works on any deployment that accepts the sample ride; nothing in it knows the
// local stack. Checks run in order, since later ones look at what earlier ones made, and
// each reports on its own, so that one failure hides nothing.
package smoke
