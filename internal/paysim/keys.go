package paysim

import (
	"maps"
	"time"
)

// keyLife is how long an idempotency key is remembered.
const keyLife = 24 * time.Hour

type scopedKey struct{ apiKey, key string }

type keyEntry struct {
	scope   scopedKey
	print   string
	at      time.Time
	running bool
	answer  answer
}

// keyMemory holds the answers by key, oldest first.
type keyMemory struct {
	entries map[scopedKey]*keyEntry
	byAge   []*keyEntry
}

// prune forgets what is too old, except what is still running.
func (m *keyMemory) prune(now time.Time) {
	for len(m.byAge) > 0 {
		e := m.byAge[0]
		if e.running || now.Sub(e.at) < keyLife {
			return
		}
		if m.entries[e.scope] == e {
			delete(m.entries, e.scope)
		}
		m.byAge[0] = nil // so that the array behind lets go of it
		m.byAge = m.byAge[1:]
	}
}

// openKey answers from memory, or takes the key for this call.
func (w *world) openKey(c *call, now time.Time) (a answer, settled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys.prune(now)
	scope := scopedKey{c.apiKey, c.key}
	e, ok := w.keys.entries[scope]
	if !ok {
		e = &keyEntry{scope: scope, print: c.print, at: now, running: true}
		w.keys.entries[scope] = e
		w.keys.byAge = append(w.keys.byAge, e)
		return answer{}, false
	}
	switch {
	case e.print != c.print:
		return w.errorAnswerLocked(keyReused()), true
	case e.running:
		return w.errorAnswerLocked(keyInUse()), true
	}
	c.replayed = true
	a = e.answer
	a.header = maps.Clone(a.header)
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header["Idempotent-Replayed"] = "true"
	a.header["Original-Request"] = a.requestID
	a.requestID = w.newID("req_")
	if p := w.intents[a.ref]; p != nil {
		p.record(c.op, c.key, now, "replayed")
	}
	return a, true
}

// closeKey remembers the answer, or gives the key back where the endpoint was
// never executed.
func (w *world) closeKey(c *call, a answer, keep bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.keys.entries[scopedKey{c.apiKey, c.key}]
	e.running = false
	if keep {
		e.answer = a
		return
	}
	delete(w.keys.entries, e.scope)
}
