package sim

// Canary is a bug that can be built into a world, to prove that it would be
// found. Each is made in what surrounds the product, so that the product never
// holds it, and is declared there, beside what it spoils.
type Canary string

// NoCanary builds nothing in.
const NoCanary Canary = ""
