// Package status gathers what an operator wants to know first: what waits where, how
// far the views are behind the log, and what needs somebody.
package status
