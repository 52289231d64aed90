package deferral

// Pace is pace, for its table of rules.
type Pace = pace

// Portion is pace.portion.
var Portion = (*pace).portion
