// Package recovery brings about on a deployed stack what otherwise takes hours, accidents or a hand, and checks that the
// stack mends itself: a hold canceled at the provider, a ride forgotten by its driver, a provider that fails, a view that
// is wrong, a rebuild of all views.
//
// It writes into the log, by the product's own code with the clock turned back, and so is for a stack that is there to
// be checked, never for one that somebody uses. It works on little and at once: what it is about is that each function
// may do on the deployed stack what its part in all this takes.
package recovery
