package paysim

// page is which part of a list is asked for.
type page struct {
	ref   string
	limit int
	after string
}

func pageParams(f *form) (page, *apiError) {
	limit, given := f.amount("limit")
	if !given {
		limit = 10
	}
	if limit > 100 {
		f.fail(invalid("", "limit", "A page has at most 100 entries."))
	}
	g := page{ref: f.text("payment_intent"), limit: int(limit), after: f.text("starting_after")}
	if err := f.done(); err != nil {
		return page{}, err
	}
	if g.ref == "" {
		return page{}, missingParam("payment_intent")
	}
	return g, nil
}

// parseListRefunds lists the refunds of one intent. Releases of a hold are among
// them, as they are at Stripe.
func (s *Server) parseListRefunds(_ string, f *form) (plan, *apiError) {
	expand := expands(f, "data.charge")
	g, err := pageParams(f)
	if err != nil {
		return plan{}, err
	}
	return plan{ref: g.ref, run: func(_ *world, p *intent, _ execution) (any, *intent, *apiError) {
		list, err := pageOf(g, "/v1/refunds", p.refunds, func(r *refund) (string, any) { return r.id, r.json(p, expand) })
		return list, nil, err
	}}, nil
}

// parseListDisputes lists the disputes of one intent.
func (s *Server) parseListDisputes(_ string, f *form) (plan, *apiError) {
	g, err := pageParams(f)
	if err != nil {
		return plan{}, err
	}
	return plan{ref: g.ref, run: func(_ *world, p *intent, _ execution) (any, *intent, *apiError) {
		list, err := pageOf(g, "/v1/disputes", p.disputes, func(d *dispute) (string, any) { return d.id, d.json(p) })
		return list, nil, err
	}}, nil
}

// pageOf is one page of a list that is kept oldest first, newest first.
func pageOf[T any](g page, url string, oldestFirst []T, show func(T) (id string, object any)) (*listJSON, *apiError) {
	list := &listJSON{Object: "list", Data: []any{}, URL: url}
	found := g.after == ""
	for i := len(oldestFirst) - 1; i >= 0; i-- {
		id, object := show(oldestFirst[i])
		switch {
		case !found:
			found = id == g.after
		case len(list.Data) == g.limit:
			list.HasMore = true
		default:
			list.Data = append(list.Data, object)
		}
	}
	if !found {
		return nil, invalid("resource_missing", "starting_after", "No such object: '%s'", g.after)
	}
	return list, nil
}
