package stripegateway_test

import (
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/payments"
	"github.com/hailstone-rides/hailstone/internal/payments/stripegateway"
	"github.com/hailstone-rides/hailstone/internal/resilience"
)

var order = payments.Order{BookingID: "bk_1", Amount: 2000, Currency: "EUR", Method: "pm_card_visa"}

// methods calls each method of the gateway about pi_1.
var methods = map[string]func(context.Context, payments.Gateway) (payments.Payment, error){
	"create": func(ctx context.Context, g payments.Gateway) (payments.Payment, error) {
		return g.Create(ctx, order, "key-1")
	},
	"confirm": func(ctx context.Context, g payments.Gateway) (payments.Payment, error) {
		return g.Confirm(ctx, "pi_1", "key-1")
	},
	"retrieve": func(ctx context.Context, g payments.Gateway) (payments.Payment, error) {
		return g.Retrieve(ctx, "pi_1")
	},
	"capture": func(ctx context.Context, g payments.Gateway) (payments.Payment, error) {
		return g.Capture(ctx, "pi_1", 1700, "key-1")
	},
	"cancel": func(ctx context.Context, g payments.Gateway) (payments.Payment, error) {
		return g.Cancel(ctx, "pi_1", "key-1")
	},
}

// others are the methods that answer with something else than a payment.
var others = map[string]func(context.Context, payments.Gateway) error{
	"refund": func(ctx context.Context, g payments.Gateway) error {
		_, err := g.Refund(ctx, refundOrder, "key-1")
		return err
	},
	"refunds": func(ctx context.Context, g payments.Gateway) error {
		_, err := g.Refunds(ctx, "pi_1")
		return err
	},
	"disputes": func(ctx context.Context, g payments.Gateway) error {
		_, err := g.Disputes(ctx, "pi_1")
		return err
	},
}

var refundOrder = payments.RefundOrder{Ref: "pi_1", BookingID: "bk_1", RefundID: "rf_1", Amount: 500}

// calls are all methods, by their errors.
func calls() map[string]func(context.Context, payments.Gateway) error {
	all := maps.Clone(others)
	for name, call := range methods {
		all[name] = func(ctx context.Context, g payments.Gateway) error {
			_, err := call(ctx, g)
			return err
		}
	}
	return all
}

const refunded = `{"id":"re_1","object":"refund","payment_intent":"pi_1","amount":500,"currency":"eur","status":"succeeded",
	"metadata":{"booking_id":"bk_1","refund_id":"rf_1"}}`

const created = `{"id":"pi_1","object":"payment_intent","status":"requires_confirmation","currency":"eur","amount":2000,
	"metadata":{"booking_id":"bk_1"}}`

// serve starts a server and a gateway for it.
func serve(t *testing.T, handler http.HandlerFunc) *stripegateway.Gateway {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections() // or a call that a failed test left behind blocks Close
		server.Close()
	})
	return newGateway(t, stripegateway.Config{BaseURL: server.URL})
}

// What goes over the wire is storage format in a way: keys and parameters are
// compared by the provider for a day, and metadata is read years later.
func TestRequests(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]struct {
		line string
		form url.Values
		key  string
	}{
		"create": {"POST /v1/payment_intents", url.Values{
			"amount": {"2000"}, "currency": {"eur"}, "capture_method": {"manual"}, "confirm": {"false"},
			"payment_method": {"pm_card_visa"}, "payment_method_types[0]": {"card"}, "metadata[booking_id]": {"bk_1"},
		}, "key-1"},
		"confirm": {"POST /v1/payment_intents/pi_1/confirm", url.Values{
			"error_on_requires_action": {"true"}, "expand[0]": {"latest_charge"},
		}, "key-1"},
		"retrieve": {"GET /v1/payment_intents/pi_1", url.Values{"expand[0]": {"latest_charge"}}, ""},
		"capture": {"POST /v1/payment_intents/pi_1/capture", url.Values{
			"amount_to_capture": {"1700"}, "expand[0]": {"latest_charge"},
		}, "key-1"},
		"cancel": {"POST /v1/payment_intents/pi_1/cancel", url.Values{"expand[0]": {"latest_charge"}}, "key-1"},
		"refund": {"POST /v1/refunds", url.Values{
			"payment_intent": {"pi_1"}, "amount": {"500"}, "metadata[booking_id]": {"bk_1"}, "metadata[refund_id]": {"rf_1"},
		}, "key-1"},
		"refunds":  {"GET /v1/refunds", url.Values{"payment_intent": {"pi_1"}, "limit": {"100"}, "expand[0]": {"data.charge"}}, ""},
		"disputes": {"GET /v1/disputes", url.Values{"payment_intent": {"pi_1"}, "limit": {"100"}}, ""},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			var seen *http.Request
			g := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				seen = r
				answer := map[string]string{"refund": refunded, "refunds": listOf(), "disputes": listOf()}[method]
				_, _ = io.WriteString(w, cmp.Or(answer, created))
			})
			if err := calls()[method](t.Context(), g); err != nil {
				t.Fatal(err)
			}
			if line := seen.Method + " " + seen.URL.Path; line != want.line {
				t.Errorf("%s, want %s", line, want.line)
			}
			if diff := gocmp.Diff(want.form, seen.Form); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			for name, value := range map[string]string{
				"Authorization": "Bearer " + apiKey, "Idempotency-Key": want.key, "Stripe-Version": stripe.APIVersion,
				"X-Stripe-Client-Telemetry": "",
			} {
				if got := seen.Header.Get(name); got != value {
					t.Errorf("%s: %q, want %q", name, got, value)
				}
			}
			if got := seen.Header.Get("User-Agent"); !strings.Contains(got, "hailstone") {
				t.Errorf("User-Agent %q does not name the service", got)
			}
		})
	}
}

func TestTheVersionOfTheAPIIsKnown(t *testing.T) {
	t.Parallel()
	// A new version of the client brings a new version of the API: its changelog
	// is to be read before this line is changed.
	if want := "2026-03-25.dahlia"; stripe.APIVersion != want {
		t.Errorf("API version %s, want %s", stripe.APIVersion, want)
	}
}

func TestPayments(t *testing.T) {
	t.Parallel()
	base := payments.Payment{Ref: "pi_1", BookingID: "bk_1", Currency: "EUR", Amount: 2000}
	with := func(change func(*payments.Payment)) payments.Payment {
		p := base
		change(&p)
		return p
	}
	for name, tc := range map[string]struct {
		fields string
		want   payments.Payment
	}{
		"unconfirmed": {`"status":"requires_confirmation"`, with(func(p *payments.Payment) {
			p.Status = payments.StatusUnconfirmed
		})},
		"declined": {
			`"status":"requires_payment_method","latest_charge":"ch_1",
			"last_payment_error":{"type":"card_error","code":"card_declined","decline_code":"lost_card"}`,
			with(func(p *payments.Payment) { p.Status, p.DeclineCode = payments.StatusUnconfirmed, "lost_card" }),
		},
		"declined without a decline code": {
			`"status":"requires_payment_method",
			"last_payment_error":{"type":"card_error","code":"expired_card"}`,
			with(func(p *payments.Payment) { p.Status, p.DeclineCode = payments.StatusUnconfirmed, "expired_card" }),
		},
		"declined without any code": {
			`"status":"requires_payment_method","last_payment_error":{"message":"Ada's card"}`,
			with(func(p *payments.Payment) { p.Status, p.DeclineCode = payments.StatusUnconfirmed, "unrecognized" }),
		},
		"waits for its owner": {`"status":"requires_action"`, with(func(p *payments.Payment) {
			p.Status, p.DeclineCode = payments.StatusUnconfirmed, "authentication_required"
		})},
		"processing": {`"status":"processing"`, with(func(p *payments.Payment) { p.Status = payments.StatusProcessing })},
		"held": {
			`"status":"requires_capture","amount_capturable":2000,"latest_charge":{"id":"ch_1","object":"charge",
			"amount":2000,"payment_method_details":{"type":"card","card":{"capture_before":1772971200}}}`,
			with(func(p *payments.Payment) {
				p.Status, p.Authorized = payments.StatusAuthorized, 2000
				p.CaptureBefore = time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)
			}),
		},
		"held, without an end": {
			`"status":"requires_capture","amount_capturable":2000,"latest_charge":"ch_1"`,
			with(func(p *payments.Payment) { p.Status, p.Authorized = payments.StatusAuthorized, 2000 }),
		},
		"captured in part": {
			`"status":"succeeded","amount_received":1700,"latest_charge":{"id":"ch_1","object":"charge",
			"amount":2000,"amount_captured":1700,"amount_refunded":300}`,
			with(func(p *payments.Payment) { p.Status, p.Authorized, p.Captured = payments.StatusCaptured, 2000, 1700 }),
		},
		"captured in part and refunded in part": {
			`"status":"succeeded","amount_received":1700,
			"latest_charge":{"id":"ch_1","object":"charge","amount":2000,"amount_captured":1700,"amount_refunded":800}`,
			with(func(p *payments.Payment) {
				p.Status, p.Authorized, p.Captured, p.Refunded = payments.StatusCaptured, 2000, 1700, 500
			}),
		},
		"captured, release not counted": {
			`"status":"succeeded","amount_received":1700,
			"latest_charge":{"id":"ch_1","object":"charge","amount":2000,"amount_captured":1700,"amount_refunded":0}`,
			with(func(p *payments.Payment) { p.Status, p.Authorized, p.Captured = payments.StatusCaptured, 2000, 1700 }),
		},
		"captured, charge not expanded": {
			`"status":"succeeded","amount_received":2000,"latest_charge":"ch_1"`,
			with(func(p *payments.Payment) { p.Status, p.Authorized, p.Captured = payments.StatusCaptured, 2000, 2000 }),
		},
		"canceled": {
			`"status":"canceled","latest_charge":{"id":"ch_1","object":"charge","amount":2000,"amount_refunded":2000}`,
			with(func(p *payments.Payment) { p.Status = payments.StatusCanceled }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"id":"pi_1","object":"payment_intent","currency":"eur","amount":2000,
					"metadata":{"booking_id":"bk_1"},`+tc.fields+`}`)
			})
			got, err := g.Retrieve(t.Context(), "pi_1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]stripegateway.Config{
		"no key":         {},
		"a broken key":   {APIKey: "sk_test\n1"},
		"not a URL":      {APIKey: apiKey, BaseURL: "api.stripe.com"},
		"another scheme": {APIKey: apiKey, BaseURL: "ftp://api.stripe.com"},
		"an empty host":  {APIKey: apiKey, BaseURL: "https://"},
	} {
		if _, err := stripegateway.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "sk_test") {
			t.Errorf("%s: the error holds the key: %v", name, err)
		}
	}
	if _, err := stripegateway.New(stripegateway.Config{APIKey: apiKey}); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

// What is refused here would otherwise be altered by the client, lead to
// another path, or show a card number to somebody.
func TestWhatIsNeverSent(t *testing.T) {
	t.Parallel()
	g := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent %s %s", r.Method, r.URL) })
	ctx := t.Context()
	calls := map[string]func() error{}
	for _, key := range []string{"", " key", "key ", "k\ney", "schlüssel", strings.Repeat("k", 256)} {
		calls["key "+key] = func() error { _, err := g.Cancel(ctx, "pi_1", key); return err }
	}
	for _, ref := range []string{"", ".", "..", "pi_1/capture", "pi_1?x", "pi 1", strings.Repeat("p", 256)} {
		calls["ref "+ref] = func() error { _, err := g.Retrieve(ctx, ref); return err }
	}
	for _, method := range []string{"", "4242424242424242", "card_1", "pm_1/2", "pm_card visa"} {
		o := order
		o.Method = method
		calls["method "+method] = func() error { _, err := g.Create(ctx, o, "key-1"); return err }
	}
	long := order
	long.BookingID = strings.Repeat("b", 501)
	calls["long booking"] = func() error { _, err := g.Create(ctx, long, "key-1"); return err }
	for name, call := range calls {
		err := call()
		want := resilience.Permanent
		if strings.HasPrefix(name, "method ") && name != "method " {
			want = resilience.Declined
		}
		if e := asError(t, err); e.Outcome != want || e.Code == "" {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if strings.Contains(err.Error(), "4242") {
			t.Errorf("%s: the error holds the card: %v", name, err)
		}
	}
}

// The client logs requests and whole answers by default. It must not, on any
// outcome. Not parallel: it looks at what the process prints.
func TestNothingIsPrinted(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = write, write
	for _, answer := range []struct {
		status int
		body   string
	}{{200, created}, {402, `{"error":{"type":"card_error"}}`}, {500, `{"error":{"type":"api_error"}}`}, {200, "<html>"}, {503, "<html>"}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(answer.status)
			_, _ = io.WriteString(w, answer.body)
		}))
		g, err := stripegateway.New(stripegateway.Config{APIKey: apiKey, BaseURL: server.URL})
		if err == nil {
			_, _ = g.Retrieve(t.Context(), "pi_1")
		}
		server.Close()
	}
	os.Stdout, os.Stderr = stdout, stderr
	_ = write.Close()
	printed, err := io.ReadAll(read)
	if err != nil || len(printed) > 0 {
		t.Errorf("printed %q, %v", printed, err)
	}
}
