// Package scale proves the read side at scale, on DynamoDB Local: that the views can be
// thrown away and made anew under load, byte for byte, and what that costs beside bare
// calls. It has tests only; make rebuild-proof runs them with 20,000 bookings.
package scale
