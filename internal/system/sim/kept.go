package sim

import (
	"encoding/json"
)

// Kept is a trace that once broke a rule, and is run ever since.
type Kept struct {
	// Rule is what was broken.
	Rule string `json:"rule"`
	// Canary is the bug that broke it; empty where the product itself did.
	Canary Canary `json:"canary,omitempty"`
	Trace  Trace  `json:"trace"`
}

// Encode returns what is written to a file.
func (k Kept) Encode() ([]byte, error) {
	raw, err := json.Marshal(k)
	return append(raw, '\n'), err
}

// ReadKept reads what Encode wrote.
func ReadKept(raw []byte) (Kept, error) {
	var k Kept
	err := json.Unmarshal(raw, &k)
	return k, err
}
