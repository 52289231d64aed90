package httpapi

import "github.com/hailstone-rides/hailstone/internal/booking"

// Status is one row of the table of codes.
type Status struct {
	Code  int
	Title string
}

// Statuses returns the table of codes, for the tests of the contract.
func Statuses() map[booking.Code]Status {
	table := map[booking.Code]Status{}
	for code, entry := range statuses {
		table[code] = Status{Code: entry.status, Title: entry.title}
	}
	return table
}
