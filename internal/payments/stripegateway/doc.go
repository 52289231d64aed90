// Package stripegateway implements payments.Gateway over Stripe, through the
// official client.
//
// What it adds to the client is certainty about outcomes. Its callers decide
// about money by the class of an error, so that the classes err to one side
// only: an error is Transient where the request was certainly not carried
// out, and Unknown wherever that cannot be proved.
//
//   - One method call is one HTTP request. The client's retries are off, and so are
//     those that net/http makes by itself: it repeats a request that carries an
//     Idempotency-Key when a kept connection breaks under it.
//   - A connection that was never obtained proves that nothing was sent.
//   - States that another call may have brought about, such as
//     payment_intent_unexpected_state, are Unknown: only Retrieve tells.
//   - A payment method that cannot be used is Declined, whether the card, the API
//     or this package says so: it is the rider's choice, not our mistake.
//   - Nothing of an answer's text gets into an error. Codes, types and ids do,
//     once they have the shape of such. The client's log is off.
//
// Limits of an attempt come from the caller's context. Only connecting has its
// own.
package stripegateway
