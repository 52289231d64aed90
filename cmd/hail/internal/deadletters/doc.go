// Package deadletters looks through dead-letter queues and moves messages out of them:
// back to where they came from, or away.
//
// A message is a hint, so sending it again is harmless at any age and any number of
// times. That is what makes a redrive safe that is interrupted between the send and
// the deletion: the next one sends the message a second time.
package deadletters
