package sim

import "net/http"

// A proxy in front of the gateway sends a write again when it got no answer, and may double
// headers when it does. The gateway joins repeated lines with a comma and no space (AWS,
// "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway": "Duplicate headers
// are combined with commas").

// keyDoubled is the fault of such a proxy.
const keyDoubled fault = "key doubled"

// joinedKeyAccepted is a bug: a key that could be two counts as a key of its own.
const joinedKeyAccepted Canary = "a joined key is a key of its own"

// joined sets the headers that the proxy doubled as the gateway joins them.
func (w *World) joined(req *http.Request, r request) {
	if !r.doubled {
		return
	}
	key := r.key + "," + r.key
	if w.canary == joinedKeyAccepted {
		key = `"` + key + `"` // in this form it is one key, so the product takes it
	}
	req.Header.Set("Idempotency-Key", key)
}

// refusedDoubled says whether a write was refused because a proxy doubled its key. Its
// sender knows of only one, and repeats it.
func (a answer) refusedDoubled(r request) bool {
	return r.doubled && a.status == http.StatusBadRequest
}

// answeredDoubled judges the answer to a write whose key was doubled: nothing is granted to
// a key that could be two.
func (o *oracle) answeredDoubled(r request, a answer) {
	if a.ok() {
		o.fail("2: a key that could be two is refused", r.booking, "%s: %d", r.path, a.status)
	}
	if a.refusedDoubled(r) {
		o.reach(doubledKeyWasRefused)
	}
}
