// Package rebuild makes the views anew from the log while they serve, and compares
// them with it.
//
// Both are a walk over the whole log, in segments that are worked on side by side,
// each in slices that end before the function does: a [Worker] folds streams as
// they come and notes in a control document how far it is, always behind a complete
// stream. Killed at any moment, the next one goes on from there and does a little
// twice, which changes nothing.
//
// A rebuild fills a projection of its own ([readmodel.Projections]) and takes these
// phases, which a [Director] advances, a step at a time, under the revision of one
// document:
//
//	requested → feeding → scanning → checking → (held) → switched → retired → dropping → done
//
// From feeding on, news go to both projections. The scan begins once no environment
// can be left that does not know that; so it reads what they have not written. After
// the switch the old projection is fed until no environment can be left that reads
// it. Only then is it dropped.
//
// The package calls nobody but the log, the views and the control documents:
// nothing is paid, and nobody is told anything.
package rebuild
