// Package controltest holds a control.Store in memory and the contract that every
// store of documents passes.
package controltest
