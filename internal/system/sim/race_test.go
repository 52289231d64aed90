//go:build race

package sim_test

// raceDetector makes a world take ten times as long. With it, a few worlds are run
// for the races that they might show; what the suite must reach is demanded
// without it.
const raceDetector = true
