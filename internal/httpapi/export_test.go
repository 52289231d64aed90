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

// Access is who may use a route.
type Access struct{ Everybody, Rider, Dispatch, Ops bool }

// Routes returns the table of routes, for the matrix of roles: who may use each,
// by method and path.
func (a *API) Routes() map[string]Access {
	table := map[string]Access{}
	for _, r := range a.routes() {
		table[r.Method+" "+r.Path] = Access(r.Access)
	}
	return table
}
