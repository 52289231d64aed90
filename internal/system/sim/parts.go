package sim

import (
	"maps"
	"slices"
)

// part is a piece of the world: a function, something that functions depend on, or
// people. It brings its own faults and the bugs that it can be given.
type part struct {
	// wire builds the part into a world; nil where others do. Parts are wired in
	// their order, before anything runs.
	wire func(*World) error
	// faults are the highest probabilities that a seed may draw for a fault; about
	// half of all faults are off in a seed.
	faults odds
	// onceAWorld are faults that strike once or not at all; their probability is
	// what it is.
	onceAWorld odds
	canaries   []Canary
}

// odds are probabilities of faults.
type odds map[fault]float64

// parts are all that there is. A new one is a file of its own and a line here.
func parts() []part {
	return []part{
		lambdaPart(), releasePart(), logPart(), viewsPart(), queuesPart(), streamPart(), unreadablePart(), newerPart(), auditsPart(), providerPart(), handsPart(), webhookPart(), breakerPart(), deferralPart(), rebuildPart(),
		bookingPart(), projectorPart(), paymentPart(), relayPart(), publisherPart(), sweeperPart(),
		peoplePart(), operationsPart(),
	}
}

// build wires the deployed handlers to the world's models, and lets what waits for
// work begin to wait.
func (w *World) build() error {
	for _, p := range parts() {
		if p.wire == nil {
			continue
		}
		if err := p.wire(w); err != nil {
			return err
		}
	}
	for _, q := range w.queues {
		q.open()
	}
	for _, reader := range w.readers {
		reader.open()
	}
	for _, s := range w.schedules {
		s.open()
	}
	return nil
}

// Canaries returns all bugs that can be built in.
func Canaries() []Canary {
	var all []Canary
	for _, p := range parts() {
		all = append(all, p.canaries...)
	}
	return all
}

// Faults returns the names of all faults, always in the same order.
func Faults() []string {
	var names []string
	for _, p := range parts() {
		for _, f := range slices.Sorted(maps.Keys(p.faults)) {
			names = append(names, string(f))
		}
		for _, f := range slices.Sorted(maps.Keys(p.onceAWorld)) {
			names = append(names, string(f))
		}
	}
	return names
}
