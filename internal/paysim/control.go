package paysim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Ledger is the answer of GET /_control/ledger: every payment, oldest first.
type Ledger struct {
	Payments []LedgerPayment `json:"payments"`
}

// LedgerPayment is one payment intent as an auditor sees it.
type LedgerPayment struct {
	Ref       string `json:"ref"`
	BookingID string `json:"booking_id"` // from the metadata
	Currency  string `json:"currency"`   // upper case
	Amount    int64  `json:"amount"`     // asked for
	Status    string `json:"status"`     // by Stripe's name
	// Authorized is what was ever held, OpenHold tells whether it still is.
	Authorized int64       `json:"authorized"`
	Captured   int64       `json:"captured"`
	Refunded   int64       `json:"refunded"` // of the captured amount, or on its way
	OpenHold   bool        `json:"open_hold"`
	Operations []operation `json:"operations"`
}

// Stats is the answer of GET /_control/stats.
type Stats struct {
	Calls       map[Op]int   `json:"calls"`
	Faults      map[Kind]int `json:"faults"`
	MaxInFlight int          `json:"max_in_flight"`
}

func (s *Server) controlRoutes() {
	s.mux.HandleFunc("GET /_control/health", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	s.mux.HandleFunc("GET /_control/ledger", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, s.Ledger())
	})
	s.mux.HandleFunc("GET /_control/stats", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, s.Stats())
	})
	s.mux.HandleFunc("PUT /_control/faults", func(w http.ResponseWriter, r *http.Request) {
		var p Plan
		control(w, r, &p, func() (any, error) { return p, s.SetFaults(p) })
	})
	s.handRoutes()
	s.mux.HandleFunc("DELETE /_control", func(w http.ResponseWriter, _ *http.Request) {
		s.reset()
		w.WriteHeader(http.StatusNoContent)
	})
}

// SetFaults replaces all rules, or none if one of them is bad.
func (s *Server) SetFaults(p Plan) error {
	if err := p.Validate(); err != nil {
		return err
	}
	w := s.current()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = newFaults(p)
	return nil
}

// Ledger is every payment so far, oldest first.
func (s *Server) Ledger() Ledger {
	w := s.current()
	now := s.cfg.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	l := Ledger{Payments: make([]LedgerPayment, 0, len(w.order))}
	for _, p := range w.order {
		p.lapse(now)
		w.note(p, now)
		l.Payments = append(l.Payments, p.ledger())
	}
	return l
}

func (p *intent) ledger() LedgerPayment {
	e := LedgerPayment{
		Ref: p.id, BookingID: p.metadata["booking_id"], Currency: strings.ToUpper(p.currency), Amount: p.amount,
		Status: string(p.status), Captured: p.received(), Refunded: p.refunded(),
		OpenHold: p.status == requiresCapture, Operations: append([]operation{}, p.operations...),
	}
	if p.charge != nil && p.charge.failed == nil {
		e.Authorized = p.amount
	}
	return e
}

// Stats counts the calls since the last reset.
func (s *Server) Stats() Stats {
	w := s.current()
	w.mu.Lock()
	defer w.mu.Unlock()
	st := Stats{Calls: map[Op]int{}, Faults: map[Kind]int{}, MaxInFlight: w.maxSeen}
	for op, n := range w.calls {
		st.Calls[op] = n
	}
	for kind, n := range w.fired {
		st.Faults[kind] = n
	}
	return st
}

// decodeStrict takes exactly one JSON object without unknown fields.
func decodeStrict(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func writeControl(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(mustJSON(v)) // the client may have left: nothing to be done
}
