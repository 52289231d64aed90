// Package rights compares what the roles of a deployment may do with what they were seen to do.
//
// A right that no call used is a right too many, unless it stands in [Unseen] with the reason for which it cannot be
// seen. That list is kept as short as it can be: what stands there and was used, or is not granted, is found, too.
package rights
