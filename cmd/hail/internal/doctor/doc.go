// Package doctor checks an AWS account before the first deployment of a stack, and the stack after it, by read-only calls.
//
// Each check is one line: ok, a problem with what to do about it, or not checked. A call that fails is a problem; only a
// call that an emulator does not know leaves its check undone, and says so. What a deployment will make comes from
// package plan, and so from the template itself: a name that the template gives tomorrow is looked up tomorrow.
//
// It does not look at the health of a stack that is in use: that is `hail status`, and the alarms.
package doctor
