package resilience

func (b *Breaker) halfOpen(reopened int) *generation {
	return &generation{of: b, mode: Auto, state: HalfOpen, reopened: reopened}
}

// admitProbe gives out a permit while there is one. Permits that their holders
// have lost would keep the breaker half-open for good: once the youngest has
// expired, a new generation begins, to which none of them belongs. It begins
// without healthy probes: what was never heard of ends the row.
func (g *generation) admitProbe() (Permit, error) {
	now := g.of.cfg.Now()
	g.probes.Lock()
	defer g.probes.Unlock()
	if g.probes.underway < g.of.cfg.Probes {
		g.probes.underway++
		g.probes.permitted = now
		return Permit{from: g}, nil
	}
	if elapsed(g.probes.permitted, now, g.of.cfg.ProbeLease) {
		g.of.replace(g, g.of.halfOpen(g.reopened))
	}
	return Permit{}, ErrOpen
}

// endProbe gives a permit back. One failing probe opens the breaker again; one
// that says nothing makes room for the next.
func (g *generation) endProbe(v Verdict) {
	next := g.afterProbe(v)
	if next != nil {
		g.of.replace(g, next)
	}
}

func (g *generation) afterProbe(v Verdict) *generation {
	g.probes.Lock()
	defer g.probes.Unlock()
	g.probes.underway--
	switch v {
	case Failing:
		return g.of.open(g.of.cfg.Now(), g.reopened+1)
	case Healthy:
		g.probes.healthy++
		if g.probes.healthy >= g.of.cfg.CloseAfter {
			return g.of.closed()
		}
	default:
	}
	return nil
}
