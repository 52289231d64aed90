// Package remake proves on a deployed stack that all views can be made anew while riders
// book and look: no request fails meanwhile, and in the end no view differs from the log.
package remake
