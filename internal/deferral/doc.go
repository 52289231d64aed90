// Package deferral keeps payment work that has to wait, and brings it back.
//
// While the provider is down, slow or undecided, the payment function does not hold
// on to a message and does not let it run into the dead-letter queue: the [Worker]
// writes an [Item] and acknowledges. One booking has one item, however often its
// work is put off. The [Pass], run by the sweeper, is the only one that brings work
// back and the only one that deletes items, so that every booking has one chain of
// hints and no function ever sends to the queue it consumes.
//
// An item is a note to look, like a hint: what is owed is read from the log each
// time. It may be wrong, stale or one too many. It is never lost: an item is deleted
// only when the log shows nothing due, and only if nobody wrote to it since; and
// before a hint is sent, the item is told when to send another.
package deferral
