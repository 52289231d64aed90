package paysim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

// taken creates an intent and captures a part of it.
func (s *sim) taken() string {
	s.t.Helper()
	id := s.held()
	if a := s.mustPost("/v1/payment_intents/"+id+"/capture", "", "amount_to_capture=1000"); a.status != http.StatusOK {
		s.t.Fatalf("capture: %d %s", a.status, a.raw)
	}
	return id
}

func (s *sim) refund(id string, amount string) string {
	s.t.Helper()
	a := s.mustPost("/v1/refunds", "", "payment_intent="+id, "amount="+amount)
	if a.status != http.StatusOK {
		s.t.Fatalf("refund: %d %s", a.status, a.raw)
	}
	refund, _ := a.body["id"].(string)
	return refund
}

func (s *sim) control(method, path, body string) answer {
	s.t.Helper()
	a, err := s.do(method, path, "", "application/json", body)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func TestRefundsAreDecidedByBanks(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.taken()
	s.faults(paysim.Rule{Op: paysim.OpRefund, Kind: paysim.KindPending, Times: ptr(int64(1))})
	pending, done := s.refund(id, "200"), s.refund(id, "300")
	status := func(refund string) string {
		a := s.control(http.MethodGet, "/v1/refunds?payment_intent="+id+"&expand[0]=data.charge", "")
		for _, r := range a.body["data"].([]any) {
			if r := r.(map[string]any); r["id"] == refund {
				if _, expanded := r["charge"].(map[string]any); !expanded {
					t.Errorf("the charge is not shown: %v", r["charge"])
				}
				return strings.TrimSpace(r["status"].(string) + " " + strings.TrimPrefix(nonNil(r["failure_reason"]), "<nil>"))
			}
		}
		return "not listed"
	}
	if got := status(pending) + ", " + status(done); got != "pending, succeeded" {
		t.Errorf("refunds are %s", got)
	}
	if l := s.ledger(id); l.Refunded != 500 {
		t.Errorf("%d refunded, want 500 with what is on its way", l.Refunded)
	}
	for _, step := range []struct {
		refund, body string
		want         int
	}{
		{pending, `{"failure":""}`, 200},
		{pending, `{"failure":""}`, 400}, // is decided so
		{done, `{"failure":"lost_or_stolen_card"}`, 200},
		{done, `{"failure":""}`, 400}, // is decided for good
		{"re_nobody", `{"failure":""}`, 400},
		{pending, `{"fail":"x"}`, 400},
	} {
		if a := s.control(http.MethodPost, "/_control/refunds/"+step.refund, step.body); a.status != step.want {
			t.Errorf("%s of %s: %d %s", step.body, step.refund, a.status, a.raw)
		}
	}
	if got := status(pending) + ", " + status(done); got != "succeeded, failed lost_or_stolen_card" {
		t.Errorf("refunds are %s", got)
	}
	if l := s.ledger(id); l.Refunded != 200 {
		t.Errorf("%d refunded, want 200", l.Refunded)
	}
	if a := s.mustPost("/v1/refunds", "", "payment_intent="+id, "amount=800"); a.status != http.StatusOK {
		t.Errorf("refund of what came back: %d %s", a.status, a.raw)
	}
}

func nonNil(v any) string {
	s, _ := v.(string)
	return s
}

func TestDisputes(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	held, id := s.held(), s.taken()
	if a := s.control(http.MethodPost, "/_control/disputes", `{"ref":"`+held+`","status":"lost"}`); a.status != http.StatusBadRequest {
		t.Errorf("dispute of what was not captured: %d", a.status)
	}
	list := func() []any {
		a := s.control(http.MethodGet, "/v1/disputes?payment_intent="+id, "")
		return a.body["data"].([]any)
	}
	if got := list(); len(got) != 0 {
		t.Errorf("disputes: %v", got)
	}
	var ids []any
	for _, status := range []string{"needs_response", "lost"} {
		a := s.control(http.MethodPost, "/_control/disputes", `{"ref":"`+id+`","status":"`+status+`"}`)
		ids = append(ids, a.body["id"])
		got := list()
		if d := got[0].(map[string]any); len(got) != 1 || d["status"] != status || d["amount"] != 1000.0 || d["payment_intent"] != id {
			t.Errorf("disputes: %v", got)
		}
	}
	if ids[0] != ids[1] || ids[0] == nil {
		t.Errorf("ids %v, want one dispute", ids)
	}
	a := s.control(http.MethodGet, "/v1/payment_intents/"+id+"?expand[0]=latest_charge", "")
	if charge := a.body["latest_charge"].(map[string]any); charge["disputed"] != true {
		t.Errorf("the charge is not disputed: %v", charge)
	}
}

func TestPendingIsOfRefundsOnly(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	a := s.control(http.MethodPut, "/_control/faults", `{"rules":[{"op":"capture","kind":"pending"}]}`)
	if got, _ := a.body["error"].(string); a.status != http.StatusBadRequest || !strings.Contains(got, "only a refund can be pending") {
		t.Errorf("%d %s", a.status, a.raw)
	}
	s.faults(paysim.Rule{Op: paysim.OpAny, Kind: paysim.KindPending})
	if got := s.status(s.taken()); got != "succeeded" {
		t.Errorf("a captured payment is %s", got)
	}
}
