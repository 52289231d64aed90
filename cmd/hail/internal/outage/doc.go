// Package outage proves on a deployed stack that bookings go on while the payment
// provider does not: phases of bookings while it is well, down, and hanging follow each
// other, and what riders notice is compared.
//
// The latencies of a phase are compared with those of the healthy phases around it, in
// the same run: machines differ, and one machine differs from hour to hour.
package outage
