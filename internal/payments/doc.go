// Package payments makes the payment provider follow the log: [Due] says which
// operation a booking owes, and [Processor] carries it out and records what came
// of it. Neither holds any truth of its own.
//
// Intent comes before effect. A payment object that holds nothing is made first,
// its name is appended to the log, and only an object that the log names is ever
// confirmed. So whatever is interrupted, the log knows which object to ask about,
// and no two objects can hold money for the same booking.
//
// After an error that leaves the outcome open, the object is retrieved before
// anything is repeated: what the provider says it has is the fact.
package payments
