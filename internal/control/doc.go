// Package control keeps small documents that several environments read and
// change: which projection is read, how far a rebuild has come, where a pass of
// the sweeper goes on.
//
// A document is changed under the revision that it was read with. Whoever lost a
// race is told so, and looks again; so of two that do the same work at the same
// time, one goes on.
package control
