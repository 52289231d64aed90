package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

const quoted = `{"pickup":{"lat":52.52,"lng":13.405},"dropoff":{"lat":52.5251,"lng":13.3694},"product":"standard"}`

func quote(by *httpapi.Caller, body string) request {
	r := book(by, "", body).with("Idempotency-Key")
	r.target = "/v1/quotes"
	return r
}

// What was quoted is what is booked.
func TestAQuoteHolds(t *testing.T) {
	t.Parallel()
	for _, product := range []string{"standard", "xl", "premium"} {
		w := newWorld(t)
		a := w.send(quote(alice, strings.Replace(quoted, "standard", product, 1)))
		var q struct {
			Fare      booking.Money
			Breakdown struct {
				Hold booking.Money
				Base booking.Money
			}
		}
		if err := json.Unmarshal([]byte(a.body), &q); err != nil || a.code != http.StatusOK || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v %s", a.code, a.header, a.body)
		}
		fare, err := json.Marshal(map[string]any{"amount": q.Fare.Amount, "currency": q.Fare.Currency})
		if err != nil {
			t.Fatal(err)
		}
		v, _ := w.must(book(alice, "k", strings.Replace(expecting(string(fare)), `"product":"standard"`, `"product":"`+product+`"`, 1)), http.StatusCreated)
		if diff := cmp.Diff(q.Fare, v.Fare); diff != "" {
			t.Errorf("the fare (-quoted +booked):\n%s", diff)
		}
		if held := w.confirms(v.ID).State.Payment.Authorized; held != q.Breakdown.Hold.Amount {
			t.Errorf("%d is held, %d was announced", held, q.Breakdown.Hold.Amount)
		}
	}
}

func TestAQuoteStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(quote(alice, quoted).with("Idempotency-Key", "k"))
	if w.log.appends.Load() > 0 {
		t.Error("something was appended")
	}
}

func TestAQuoteIsValidated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		old, replacement string
		pointers         []string
	}{
		"no pickup":         {`"pickup":{"lat":52.52,"lng":13.405},`, ``, []string{"/pickup"}},
		"no product":        {`,"product":"standard"`, ``, []string{"/product"}},
		"no latitude":       {`"lat":52.52,`, ``, []string{"/pickup/lat"}},
		"unknown product":   {`standard`, `tank`, []string{"/product"}},
		"latitude of 91":    {`52.52,`, `91,`, []string{"/pickup/lat"}},
		"too far":           {`52.5251`, `-33.9`, []string{"/dropoff"}},
		"the same place":    {`"lat":52.5251,"lng":13.3694`, `"lat":52.52,"lng":13.405`, []string{"/dropoff"}},
		"a label with \\n":  {`13.405`, `13.405,"label":"\n"`, []string{"/pickup/label"}},
		"a list":            {quoted, `[]`, []string{""}},
		"several at a time": {`52.52,`, `-91,"label":"\u0000",`, []string{"/pickup/lat", "/pickup/label"}},
	} {
		body := strings.Replace(quoted, test.old, test.replacement, 1)
		p := w.refused(quote(alice, body), http.StatusUnprocessableEntity, booking.CodeValidationFailed)
		var got []string
		for _, e := range p.Errors {
			got = append(got, e.Pointer)
		}
		if diff := cmp.Diff(test.pointers, got); diff != "" {
			t.Errorf("%s: pointers (-want +got):\n%s", name, diff)
		}
		if name != "too far" && name != "the same place" && w.contract.Allows(w.http(quote(alice, body)), []byte(body)) == nil {
			t.Errorf("%s: the contract allows the request", name)
		}
	}
	for _, body := range []string{``, `{`, `{"payment_method":"pm_x"}`, strings.Replace(quoted, `{`, `{"expected_fare":{},`, 1)} {
		w.refused(quote(alice, body), http.StatusBadRequest, httpapi.CodeMalformed)
	}
	far := quote(alice, quoted)
	far.target += "?product=xl"
	w.refused(far, http.StatusBadRequest, httpapi.CodeMalformed)
}
