// Package repair finds what nobody was told about, and what is overdue: passes of the
// sweeper, and the eyes of an audit.
//
// Hints get lost, rarely. Three things bring back what they were about. The booking
// has a deadline, at which [Deadlines] reads its log. It was requested a while ago and
// has no view, which [Firsts] sees. Or an audit comes by, once a day, and asks [Debts].
//
// [LongRides] only counts: a ride that takes half a day is for people to look after.
//
// A pass holds no truth. What it is interrupted in, the next one finds again; two at
// the same time do the same, which is harmless, and one of them stops when it notes
// how far it is. Owed payments are never hinted here: a note is left for whoever brings
// work back, so that a booking has one chain of hints.
package repair
