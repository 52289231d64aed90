package paysim

import (
	"fmt"
	"net/http"
)

// What banks and people do, over /_control. Captures, cancellations and refunds by
// hand need no way of their own: the API does them.

// FinishRefund decides about a refund: it succeeds, or it fails, also when it had
// succeeded, if a code says why. It reports whether that changed anything.
func (s *Server) FinishRefund(id, failure string) bool {
	w := s.current()
	now := s.cfg.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	status := refundSucceeded
	if failure != "" {
		status = refundFailed
	}
	for _, p := range w.order {
		for _, r := range p.refunds {
			if r.id == id && !r.release && p.finish(r, status, failure) {
				w.note(p, now)
				return true
			}
		}
	}
	return false
}

// Dispute begins a dispute about all that was captured, or brings news of it. It
// returns the dispute's id; empty for a payment that was not captured.
func (s *Server) Dispute(ref, status string) string {
	w := s.current()
	now := s.cfg.Now()
	id := w.newID("du_")
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.intents[ref]
	if p == nil || p.received() == 0 {
		return ""
	}
	if len(p.disputes) == 0 {
		p.disputes = append(p.disputes, &dispute{id: id, amount: p.received(), created: now})
	}
	p.disputes[0].status = status
	w.note(p, now)
	return p.disputes[0].id
}

func (s *Server) handRoutes() {
	s.mux.HandleFunc("POST /_control/refunds/{id}", func(w http.ResponseWriter, r *http.Request) {
		var c struct {
			Failure string `json:"failure"`
		}
		control(w, r, &c, func() (any, error) {
			if !s.FinishRefund(r.PathValue("id"), c.Failure) {
				return nil, fmt.Errorf("no refund %q that could be decided so", r.PathValue("id"))
			}
			return c, nil
		})
	})
	s.mux.HandleFunc("POST /_control/disputes", func(w http.ResponseWriter, r *http.Request) {
		var c struct {
			Ref    string `json:"ref"`
			Status string `json:"status"`
		}
		control(w, r, &c, func() (any, error) {
			id := s.Dispute(c.Ref, c.Status)
			if id == "" {
				return nil, fmt.Errorf("no captured payment %q", c.Ref)
			}
			return map[string]string{"id": id}, nil
		})
	})
	s.mux.HandleFunc("PUT /_control/webhook", func(w http.ResponseWriter, r *http.Request) {
		var c Webhook
		control(w, r, &c, func() (any, error) { return map[string]string{"url": c.URL}, s.SetWebhook(c) })
	})
}

// control answers a request whose body is c.
func control(w http.ResponseWriter, r *http.Request, c any, act func() (any, error)) {
	err := decodeStrict(http.MaxBytesReader(w, r.Body, maxBody), c)
	var answer any
	if err == nil {
		answer, err = act()
	}
	if err != nil {
		writeControl(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	writeControl(w, http.StatusOK, answer)
}
