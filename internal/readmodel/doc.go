// Package readmodel keeps a view of every booking for queries.
//
// A view is the fold of its booking's stream and nothing else: whoever has
// folded more of the stream has the newer view, so views can be written twice,
// late or in any order, and thrown away and made again. A view's version is the
// stream's version that it shows.
package readmodel
