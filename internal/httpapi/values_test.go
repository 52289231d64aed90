package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// Each of these values is refused, with a pointer to it, and nothing is stored.
func TestValuesOfCommandsAreValidated(t *testing.T) {
	t.Parallel()
	reasons := map[string]string{
		`{}`: "/reason", `{"reason":null}`: "/reason", `{"reason":""}`: "/reason", `{"reason":7}`: "/reason", `[]`: "",
		`{"reason":"` + strings.Repeat("ß", 201) + `"}`: "/reason", `{"reason":"a\u0000"}`: "/reason", `{"reason":"a\nb"}`: "/reason", `{"reason":"\u0085"}`: "/reason",
	}
	money := func(field string) map[string]string {
		values := map[string]string{}
		for value, pointer := range map[string]string{
			`null`: "", `5`: "", `{"amount":5}`: "/currency", `{"currency":"EUR"}`: "/amount", `{"amount":-1,"currency":"EUR"}`: "/amount",
			`{"amount":1.5,"currency":"EUR"}`: "/amount", `{"amount":"5","currency":"EUR"}`: "/amount", `{"amount":5,"currency":"eur"}`: "/currency",
			`{"amount":5,"currency":"USD"}`: "/currency", `{"amount":9007199254740992,"currency":"EUR"}`: "/amount", `{"amount":9223372036854775808,"currency":"EUR"}`: "/amount",
			`{"amount":1305,"currency":"EUR"}`: "/amount",
		} {
			values[`{"reason":"x","`+field+`":`+value+`}`] = "/" + field + pointer
		}
		values[`{"reason":"x","`+field+`":{}}`] = "/" + field + "/amount /" + field + "/currency"
		return values
	}
	refunds := money("amount")
	refunds[`{"reason":"x","amount":{"amount":0,"currency":"EUR"}}`] = "/amount/amount"
	refunds[`{"reason":"x","amount":{"amount":1193,"currency":"EUR"}}`] = "/amount/amount" // 1192 were captured
	for verb, cases := range map[string][]map[string]string{
		"cancel": {reasons},
		"abort":  {reasons, money("fee")},
		"refund": {reasons, refunds},
		"assign": {{
			`{}`: "/driver_id", `{"driver_id":null}`: "/driver_id", `{"driver_id":42}`: "/driver_id", `{"driver_id":""}`: "/driver_id", `{"driver_id":"a b"}`: "/driver_id",
			`{"driver_id":"../x"}`: "/driver_id", `{"driver_id":"D-7"}`: "/driver_id", `{"driver_id":"ann@example.com"}`: "/driver_id",
			`{"driver_id":"7D0F3A52-5A2F-4A3C-9B52-2F6B2C1F0E1"}`: "/driver_id", `{"driver_id":"7D0F3A52-5A2F-4A3C-9B52+2F6B2C1F0E11"}`: "/driver_id", `{"driver_id":"7D0F3A52-5A2F-4A3C-9B52-2F6B2C1F0E1G"}`: "/driver_id",
			`{"driver_id":"ü"}`: "/driver_id", `{"driver_id":"a\n"}`: "/driver_id", `{"driver_id":"` + strings.Repeat("d", 129) + `"}`: "/driver_id",
		}},
		"complete": {{
			`{}`: "/distance_m /duration_s", `{"distance_m":1}`: "/duration_s", `{"duration_s":1}`: "/distance_m", `{"distance_m":-1,"duration_s":-1}`: "/distance_m /duration_s",
			`{"distance_m":2000001,"duration_s":0}`: "/distance_m", `{"distance_m":0,"duration_s":172801}`: "/duration_s", `{"distance_m":1.5,"duration_s":0}`: "/distance_m",
			`{"distance_m":1e300,"duration_s":0}`: "/distance_m", `{"distance_m":"1","duration_s":0}`: "/distance_m", `{"distance_m":null,"duration_s":0}`: "/distance_m",
		}},
	} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			wr := writeOf(t, verb)
			id := wr.ready(w)
			before := w.commits(id)
			for _, bodies := range cases {
				for body, want := range bodies {
					r := wr.request(id, "k").saying(body)
					var got []string
					for _, e := range w.refused(r, http.StatusUnprocessableEntity, booking.CodeValidationFailed).Errors {
						got = append(got, e.Pointer)
					}
					if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
						t.Errorf("%s: pointers (-want +got):\n%s", body, diff)
					}
				}
			}
			w.stores(id, before)
			w.granted(wr, id, "k")
		})
	}
}

func writeOf(t *testing.T, verb string) write {
	t.Helper()
	for _, wr := range writes() {
		if wr.verb == verb {
			return wr
		}
	}
	t.Fatalf("no write %s", verb)
	return write{}
}
