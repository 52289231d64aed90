package paysim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/paysim"
)

func TestFaultsAreValidated(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	for _, tc := range []struct{ body, want string }{
		{`{"seed":1,"rules":[{"op":"*","kind":"error_500","rate":0.3,"times":2}]}`, ""},
		{`{"seed":1,"rules":[{"op":"confirm","kind":"latency","latency_ms":800}]}`, ""},
		{`{"rules":[]}`, ""},
		{`{"rules":[{"op":"pay","kind":"error_500"}]}`, `rules[0].op: "pay" is none of`},
		{`{"rules":[{"op":"*","kind":"error_500"},{"op":"*","kind":"explode"}]}`, `rules[1].kind: "explode" is none of`},
		{`{"rules":[{"op":"capture","kind":"decline"}]}`, "rules[0].op: only a confirm can be declined"},
		{`{"rules":[{"op":"*","kind":"reset","rate":1.1}]}`, "rules[0].rate: 1.1 is not from 0 to 1"},
		{`{"rules":[{"op":"*","kind":"reset","rate":-0.1}]}`, "rules[0].rate: -0.1"},
		{`{"rules":[{"op":"*","kind":"reset","times":0}]}`, "rules[0].times: 0 is less than 1"},
		{`{"rules":[{"op":"*","kind":"latency"}]}`, "rules[0].latency_ms: missing"},
		{`{"rules":[{"op":"*","kind":"reset","latency_ms":5}]}`, "latency_ms: belongs to kind latency"},
		{`{"rules":[{"op":"*","kind":"latency","latency_ms":999999999}]}`, "latency_ms: 999999999 is not"},
		{`{"rules":[{"op":"*","kind":"reset","retry_after_s":5}]}`, "retry_after_s: belongs to kind rate_limit"},
		{`{"rules":[{"op":"*","kind":"rate_limit","retry_after_s":-1}]}`, "retry_after_s: -1 is not"},
		{`{"rules":[{"op":"*","kind":"reset","probability":1}]}`, `unknown field "probability"`},
		{`{"seed":-1,"rules":[]}`, "seed"},
		{`{"rules":[]} {}`, "more than one JSON value"},
		{`rules`, "invalid character"},
		{``, "EOF"},
	} {
		a, err := s.do(http.MethodPut, "/_control/faults", "", "application/json", tc.body)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := a.body["error"].(string)
		if tc.want == "" && a.status != http.StatusOK {
			t.Errorf("%s: %d %s", tc.body, a.status, a.raw)
		}
		if tc.want != "" && (a.status != http.StatusBadRequest || !strings.Contains(got, tc.want)) {
			t.Errorf("%s: %d %s, want 400 and %q", tc.body, a.status, a.raw, tc.want)
		}
	}
}

func TestABadPlanChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.faults(paysim.Rule{Op: paysim.OpCreate, Kind: paysim.KindRateLimit})
	if _, err := s.do(http.MethodPut, "/_control/faults", "", "application/json",
		`{"rules":[{"op":"*","kind":"explode"}]}`); err != nil {
		t.Fatal(err)
	}
	if a := s.mustPost("/v1/payment_intents", "", create...); a.status != http.StatusTooManyRequests {
		t.Errorf("the old rules are gone: %d", a.status)
	}
	if _, err := s.do(http.MethodPut, "/_control/faults", "", "application/json", `{"rules":[]}`); err != nil {
		t.Fatal(err)
	}
	if a := s.mustPost("/v1/payment_intents", "", create...); a.status != http.StatusOK {
		t.Errorf("the old rules are still there: %d", a.status)
	}
}

func TestLedgerStatsAndReset(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.held()
	s.mustPost("/v1/payment_intents/"+id+"/confirm", "late")
	s.mustPost("/v1/payment_intents/"+id+"/cancel", "void")

	a, err := s.do(http.MethodGet, "/_control/ledger", "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	at := "2026-03-01T12:00:00Z"
	op := func(op, key, result string) map[string]any {
		return map[string]any{"op": op, "key": key, "at": at, "result": result}
	}
	want := map[string]any{"payments": []any{map[string]any{
		"ref": id, "booking_id": "bk_1", "currency": "EUR", "amount": 1500.0, "status": "canceled",
		"authorized": 1500.0, "captured": 0.0, "refunded": 0.0, "open_hold": false,
		"operations": []any{
			op("create", "", "ok"), op("confirm", "", "ok"),
			op("confirm", "late", "payment_intent_unexpected_state"), op("cancel", "void", "ok"),
		},
	}}}
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}

	a, err = s.do(http.MethodGet, "/_control/stats", "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]any{
		"calls":  map[string]any{"create": 1.0, "confirm": 2.0, "cancel": 1.0},
		"faults": map[string]any{}, "max_in_flight": 1.0,
	}
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}

	s.faults(paysim.Rule{Op: paysim.OpAny, Kind: paysim.KindReset})
	if a, err = s.do(http.MethodDelete, "/_control", "", "", ""); err != nil || a.status != http.StatusNoContent {
		t.Fatalf("reset: %v %d", err, a.status)
	}
	if n := len(s.server.Ledger().Payments); n != 0 {
		t.Errorf("%d payments after the reset", n)
	}
	if n := len(s.server.Stats().Calls); n != 0 {
		t.Errorf("%d counters after the reset", n)
	}
	s.order("pm_card_visa") // the faults are gone too
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	id := s.held()
	intents, capture := "/v1/payment_intents", "/v1/payment_intents/"+id+"/capture"
	for _, tc := range []struct {
		path   string
		form   string
		status int
		code   any
	}{
		{intents, "currency=eur", 400, "parameter_missing"},
		{intents, "amount=100", 400, "parameter_missing"},
		{intents, "amount=ten&currency=eur", 400, "parameter_invalid_integer"},
		{intents, "amount=-5&currency=eur", 400, "parameter_invalid_integer"},
		{intents, "amount=&currency=eur", 400, "parameter_invalid_empty"},
		{intents, "amount=49&currency=eur", 400, "amount_too_small"},
		{intents, "amount=49&currency=USD", 400, "amount_too_small"},
		{intents, "amount=100000000&currency=eur", 400, "amount_too_large"},
		{intents, "amount=100&currency=xxx", 400, nil},
		{intents, "amount=100&amount=200&currency=eur", 400, nil},
		{intents, "amount=100&currency=eur&payment_method=pm_nobody", 400, "resource_missing"},
		{intents, "amount=100&currency=eur&confirm=true", 400, "parameter_missing"},
		{intents, "amount=100&currency=eur&error_on_requires_action=true", 400, nil},
		{intents, "amount=100&currency=eur&capture_method=later", 400, nil},
		{intents, "amount=100&currency=eur&payment_method_types[]=ideal", 400, nil},
		{intents, "amount=100&currency=eur&metadata[]=x", 400, nil},
		{intents, "amount=100&currency=eur&expand[0]=customer", 400, nil},
		{intents, "amount=100&currency=eur&tip=5", 400, "parameter_unknown"},
		{intents, "amount=%zz", 400, nil},
		{capture, "amount_to_capture=1501", 400, "amount_too_large"},
		{capture, "amount_to_capture=0", 400, "parameter_invalid_integer"},
		{intents + "/pi_nobody/confirm", "", 404, "resource_missing"},
		{"/v1/refunds", "payment_intent=pi_nobody", 404, "resource_missing"},
		{"/v1/refunds", "amount=5", 400, "parameter_missing"},
		{"/v1/refunds", "payment_intent=" + id, 400, "payment_intent_unexpected_state"},
		{"/v1/charges", "", 404, nil},
		{intents, "description=" + strings.Repeat("x", 70_000), 413, nil},
	} {
		a, err := s.do(http.MethodPost, tc.path, "", "application/x-www-form-urlencoded", tc.form)
		if err != nil {
			t.Fatal(err)
		}
		if a.status != tc.status || a.errorField("code") != tc.code || a.header.Get("Request-Id") == "" {
			t.Errorf("%s %.80s: %d %s, want %d %v", tc.path, tc.form, a.status, a.raw, tc.status, tc.code)
		}
	}
	if a, err := s.do(http.MethodPost, intents, "", "application/json", `{"amount":100}`); err != nil || a.status != 400 {
		t.Errorf("JSON: %v %d", err, a.status)
	}
	if a := s.mustPost(intents, strings.Repeat("k", 256), create...); a.status != 400 {
		t.Errorf("long key: %d", a.status)
	}
	if n := len(s.server.Ledger().Payments); n != 1 {
		t.Errorf("%d payments: a bad request left one", n)
	}
}

func TestAKeyIsRequired(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	for _, header := range []string{"", "Bearer", "Bearer sk_test_wrong", "Basic " + apiKey, apiKey} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+"/v1/payment_intents/pi_1", nil)
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		res, err := s.http.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: %d", header, res.StatusCode)
		}
	}
	if _, err := paysim.New(paysim.Config{}); err == nil {
		t.Error("a server without keys")
	}
}

func TestLogHoldsNoParameters(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.faults(once(paysim.OpCancel, paysim.KindError500))
	a := s.mustPost("/v1/payment_intents", "key-7", "amount=1500", "currency=eur", "capture_method=manual",
		"payment_method=pm_card_visa", "metadata[booking_id]=bk_secret", "description=Ada Lovelace")
	id := a.body["id"].(string)
	s.mustPost("/v1/payment_intents/"+id+"/cancel", "")
	log := s.log.String()
	for _, want := range []string{
		`"op":"create","status":200,"ref":"` + id, `"op":"cancel","status":500,"ref":"` + id, `"fault":"error_500"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	for _, secret := range []string{"pm_card", "bk_secret", "Ada", apiKey, "_secret_"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s:\n%s", secret, log)
		}
	}
}

// Many callers on few objects: each intent ends in one state, money fits.
func TestConcurrentCallers(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.faults(
		paysim.Rule{Op: paysim.OpAny, Kind: paysim.KindError500, Rate: ptr(0.1)},
		paysim.Rule{Op: paysim.OpAny, Kind: paysim.KindReset, Rate: ptr(0.1)},
	)
	var ids []string
	for len(ids) < 4 {
		if a, err := s.post("/v1/payment_intents", "", create...); err == nil && a.status == http.StatusOK {
			ids = append(ids, a.body["id"].(string))
		}
	}
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			for i := range 12 {
				verb := []string{"confirm", "capture", "cancel"}[(worker+i)%3]
				_, _ = s.post(fmt.Sprintf("/v1/payment_intents/%s/%s", ids[i%4], verb), fmt.Sprintf("k%d", i))
				s.server.Ledger()
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		p := s.ledger(id)
		var captures int
		for _, o := range p.Operations {
			if o.Op == paysim.OpCapture && o.Result == "ok" {
				captures++
			}
		}
		if captures > 1 || p.Captured > p.Authorized || (p.OpenHold && p.Captured > 0) {
			t.Errorf("%+v", p)
		}
	}
}
