package stripegateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/hailstone-rides/hailstone/internal/httpclient"
	"github.com/hailstone-rides/hailstone/internal/payments"
)

// DefaultConnectTimeout bounds connecting, and the TLS handshake once more.
const DefaultConnectTimeout = time.Second

// bookingKey is where the booking's id is kept in the object's metadata.
const bookingKey = "booking_id"

// maxAPIKey is longer than any API key.
const maxAPIKey = 1024

// Config is what a Gateway needs. Only APIKey has no default.
type Config struct {
	APIKey string
	// Renew, if set, is told of a key that was refused (401), and returns another one if
	// there is: the calls after that one have it. It is called while others go on.
	Renew func(ctx context.Context, refused []byte) (key []byte, other bool, err error)
	// BaseURL is the API's address: Stripe's.
	BaseURL string
	// ConnectTimeout bounds connecting: one second.
	ConnectTimeout time.Duration
	// Transport replaces the gateway's own one, that of httpclient, and its ConnectTimeout with it. A
	// transport that does not report its connections through httptrace makes every
	// failure without an answer Unknown.
	Transport http.RoundTripper
	// Now is the clock that dates in Retry-After are measured by: time.Now.
	Now func() time.Time
}

// Gateway is a payments.Gateway over Stripe.
type Gateway struct {
	intents  paymentIntents
	refunds  refunds
	disputes disputes
	now      func() time.Time
}

var _ payments.Gateway = (*Gateway)(nil)

// paymentIntents is the part of the client that is used.
type paymentIntents interface {
	Create(context.Context, *stripe.PaymentIntentCreateParams) (*stripe.PaymentIntent, error)
	Confirm(context.Context, string, *stripe.PaymentIntentConfirmParams) (*stripe.PaymentIntent, error)
	Retrieve(context.Context, string, *stripe.PaymentIntentRetrieveParams) (*stripe.PaymentIntent, error)
	Capture(context.Context, string, *stripe.PaymentIntentCaptureParams) (*stripe.PaymentIntent, error)
	Cancel(context.Context, string, *stripe.PaymentIntentCancelParams) (*stripe.PaymentIntent, error)
}

type refunds interface {
	Create(context.Context, *stripe.RefundCreateParams) (*stripe.Refund, error)
	List(context.Context, *stripe.RefundListParams) *stripe.V1List[*stripe.Refund]
}

type disputes interface {
	List(context.Context, *stripe.DisputeListParams) *stripe.V1List[*stripe.Dispute]
}

// opConfirm is the operation whose answer can be a decline without being an error.
const opConfirm = "confirm"

// nameUs tells Stripe's support who calls. The client keeps this per process,
// and does not expect it to change while it works.
var nameUs = sync.OnceFunc(func() { stripe.SetAppInfo(&stripe.AppInfo{Name: "hailstone"}) })

// New makes a Gateway. It does not connect.
func New(cfg Config) (*Gateway, error) {
	if !isVisibleASCII(cfg.APIKey, maxAPIKey) {
		return nil, errors.New("stripe gateway: the API key is empty or has characters that no key has")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = stripe.APIURL
	}
	if u, err := url.Parse(cfg.BaseURL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("stripe gateway: %q is not the URL of an API", cfg.BaseURL)
	}
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = DefaultConnectTimeout
	}
	if cfg.Transport == nil {
		cfg.Transport = httpclient.NewTransport(cfg.ConnectTimeout)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	nameUs()
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(cfg.BaseURL),
		HTTPClient:        newHTTPClient(&keyring{next: cfg.Transport, renew: cfg.Renew}),
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	client := stripe.NewClient(cfg.APIKey, stripe.WithBackends(&stripe.Backends{API: backend}))
	return &Gateway{
		intents: client.V1PaymentIntents, refunds: client.V1Refunds, disputes: client.V1Disputes, now: cfg.Now,
	}, nil
}

func newHTTPClient(next http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: &transport{next: next},
		// A payment API does not redirect: following one would repeat the call, and
		// could carry the key to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Create implements payments.Gateway.
func (g *Gateway) Create(ctx context.Context, order payments.Order, key string) (payments.Payment, error) {
	if err := checkOrder(order); err != nil {
		return payments.Payment{}, err
	}
	if err := checkKey(key); err != nil {
		return payments.Payment{}, err
	}
	params := &stripe.PaymentIntentCreateParams{
		Amount:             stripe.Int64(order.Amount),
		Currency:           stripe.String(strings.ToLower(order.Currency)),
		CaptureMethod:      stripe.String(string(stripe.PaymentIntentCaptureMethodManual)),
		Confirm:            stripe.Bool(false),
		PaymentMethod:      stripe.String(order.Method),
		PaymentMethodTypes: stripe.StringSlice([]string{string(stripe.PaymentMethodTypeCard)}),
		Metadata:           map[string]string{bookingKey: order.BookingID},
	}
	params.SetIdempotencyKey(key)
	return g.do(ctx, "create", "", func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.intents.Create(ctx, params)
	})
}

// Confirm implements payments.Gateway. A card that wants its owner to act is
// declined: nobody is there to act.
func (g *Gateway) Confirm(ctx context.Context, ref, key string) (payments.Payment, error) {
	if err := checkCall(ref, key); err != nil {
		return payments.Payment{}, err
	}
	params := &stripe.PaymentIntentConfirmParams{ErrorOnRequiresAction: stripe.Bool(true)}
	params.AddExpand("latest_charge")
	params.SetIdempotencyKey(key)
	return g.do(ctx, opConfirm, ref, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.intents.Confirm(ctx, ref, params)
	})
}

// Retrieve implements payments.Gateway.
func (g *Gateway) Retrieve(ctx context.Context, ref string) (payments.Payment, error) {
	if err := checkRef(ref); err != nil {
		return payments.Payment{}, err
	}
	params := &stripe.PaymentIntentRetrieveParams{}
	params.AddExpand("latest_charge")
	return g.do(ctx, "retrieve", ref, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.intents.Retrieve(ctx, ref, params)
	})
}

// Capture implements payments.Gateway.
func (g *Gateway) Capture(ctx context.Context, ref string, amount int64, key string) (payments.Payment, error) {
	if err := checkCall(ref, key); err != nil {
		return payments.Payment{}, err
	}
	if amount <= 0 {
		return payments.Payment{}, refuse("invalid_amount", "capture %s: amount %d is not positive", ref, amount)
	}
	params := &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(amount)}
	params.AddExpand("latest_charge")
	params.SetIdempotencyKey(key)
	return g.do(ctx, "capture", ref, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.intents.Capture(ctx, ref, params)
	})
}

// Cancel implements payments.Gateway. An object that is canceled already is an
// error of class Unknown like every other unexpected state.
func (g *Gateway) Cancel(ctx context.Context, ref, key string) (payments.Payment, error) {
	if err := checkCall(ref, key); err != nil {
		return payments.Payment{}, err
	}
	params := &stripe.PaymentIntentCancelParams{}
	params.AddExpand("latest_charge")
	params.SetIdempotencyKey(key)
	return g.do(ctx, "cancel", ref, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.intents.Cancel(ctx, ref, params)
	})
}

// do makes one attempt and names its outcome. ref is the object that the answer
// must be about, if it is known.
func (g *Gateway) do(
	ctx context.Context, op, ref string, call func(context.Context) (*stripe.PaymentIntent, error),
) (payments.Payment, error) {
	x := &exchange{}
	intent, err := call(context.WithValue(ctx, exchangeKey{}, x))
	if err != nil {
		return payments.Payment{}, g.failure(ctx, what(op, ref), x, err)
	}
	p, err := paymentOf(intent)
	if err == nil && ref != "" && p.Ref != ref {
		err = errors.New("the answer is about another object")
	}
	if err != nil {
		return payments.Payment{}, unintelligible(what(op, ref), x, err)
	}
	if op == opConfirm && intent.Status == stripe.PaymentIntentStatusRequiresAction {
		return payments.Payment{}, actionRequired(what(op, ref), x)
	}
	p.Replayed = x.replayed()
	return p, nil
}

func what(op, ref string) string {
	if ref == "" {
		return op
	}
	return op + " " + ref
}
