// Package bench measures what this project promises about its own costs, beside
// the libraries that one would take otherwise. It is a module of its own, so that
// those are no dependency of the product.
//
//	make bench                                   the ratios, and whether they keep to the budgets
//	go test -run '^$' -bench . -benchmem ./...   every number
package bench
