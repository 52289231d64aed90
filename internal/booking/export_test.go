package booking

import "reflect"

// Encode is for the golden files, and All is the registry.
var (
	Encode = encode
	All    = all
)

// Reads is what the registry says of an event if its type is in it, and evolves tells
// whether Evolve knows the type.
func Reads(e Event, evolves bool) error {
	r := register(reflect.TypeOf(e))
	r.evolves = r.evolves || evolves
	return r.reads(e)
}
