package sim

import "time"

// trouble is a time in which the provider fails in one way.
type trouble struct {
	from, until time.Time
	how         fault
	// every is how long it fails and how long it works, in turns; zero: it fails.
	every time.Duration
}

// troubleKinds are the ways in which a provider in trouble fails.
var troubleKinds = [...]fault{unreachable, stored500, hangBefore, rateLimited}

// planTroubles plans the short troubles of a provider. What lasts for hours is
// planned with the outages of everything else.
func (w *World) planTroubles() {
	w.planTrouble(brief, 10*time.Minute, 0)
	w.planTrouble(flapping, 30*time.Minute, 20*time.Second)
}

func (w *World) planTrouble(f fault, lasts, every time.Duration) {
	if !w.strikes(f, "operations") {
		return
	}
	from := time.Now().Add(time.Duration(w.src.pick(string(f)+" after", 120)) * time.Minute)
	t := trouble{from, from.Add(lasts), troubleKinds[w.src.pick(string(f)+" how", len(troubleKinds))], every}
	w.troubles = append(w.troubles, t)
	w.tell("", "%s, %s from %s to %s", f, t.how, w.since(t.from), w.since(t.until))
}

// troubled is the fate of a call, unless the provider is in trouble now.
func (w *World) troubled(c call, fate fault) fault {
	now := time.Now()
	if w.downFrom.Before(now) && now.Before(w.downUntil) {
		return unreachable
	}
	for _, t := range w.troubles {
		if now.Before(t.from) || !now.Before(t.until) || t.every > 0 && int(now.Sub(t.from)/t.every)%2 == 1 {
			continue
		}
		if t.how == stored500 && c.reads() {
			return lostBefore // an answer with 500 is kept for nobody
		}
		return t.how
	}
	return fate
}
