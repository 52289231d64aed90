// Package paysim is a payment provider for development and tests. It speaks
// Stripe's wire format for card payments that are held first and captured
// later, so that the official client talks to it unmodified, and it can be told
// to fail in the ways that real providers and real networks do.
//
// It is written to be believed: the same states and refusals as Stripe's
// payment intents, answers remembered by Idempotency-Key for 24 hours (failures
// included), objects locked while a call works on them, holds that lapse. A call
// whose client has gone away is still carried out, because that is what
// makes an unknown outcome unknown.
//
// It is not a copy of Stripe: it knows the parameters that this service sends,
// refuses all others, keeps everything in memory, and needs no authorization for
// /_control. Never expose it beyond the loopback interface.
//
// # Webhooks
//
// PUT /_control/webhook {url, host, secret, duplicate, reorder} sends signed events of
// everything that happens from then on to payments, their refunds and disputes: as it
// happens, or every event twice, or those of each second backwards. Like Stripe's, an
// event of a dispute carries no metadata.
//
// # Banks
//
// POST /_control/refunds/{id} {failure} decides about a refund, in time or late, and
// POST /_control/disputes {ref, status} begins a dispute or brings news of it.
//
// # A call, step by step
//
// The order matters to whoever injects faults. Authorization comes first. Then
// the faults of the network are drawn: reset, timeout_before and rate_limit end
// the call here, before the provider has seen its key; timeout_after only
// withholds the answer. Then the key is looked up, and parameters are
// checked. Then the object is locked, its state checked, and the faults of
// the endpoint are drawn: latency (the key and the object stay taken meanwhile),
// error_500 (no effect, and remembered under the key), decline and pending. Then
// comes the effect.
package paysim
