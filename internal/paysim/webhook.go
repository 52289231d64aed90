package paysim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Webhook is where events are sent: the body of PUT /_control/webhook.
type Webhook struct {
	// URL is the endpoint; empty sends nothing.
	URL string `json:"url"`
	// Host replaces the URL's host in the request, for a gateway that knows its APIs
	// by names that do not resolve.
	Host   string `json:"host,omitempty"`
	Secret string `json:"secret"`
	// Duplicate sends every event twice, Reorder those of each second backwards.
	Duplicate bool `json:"duplicate,omitempty"`
	Reorder   bool `json:"reorder,omitempty"`
}

// How events are sent. Stripe tries for days; what is lost here must be found by
// other means, too.
const (
	deliveryAttempts = 3
	deliveryPause    = time.Second
	deliveryTimeout  = 10 * time.Second
)

// outbox holds events until they are sent; none while there is no endpoint.
type outbox struct {
	mu     sync.Mutex
	to     Webhook
	events []event
	wake   chan struct{}
}

func (o *outbox) put(e event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.to.URL == "" || e.kind == "" {
		return
	}
	o.events = append(o.events, e)
	select {
	case o.wake <- struct{}{}:
	default: // it is awake
	}
}

// take empties the outbox.
func (o *outbox) take() ([]event, Webhook) {
	o.mu.Lock()
	defer o.mu.Unlock()
	events := o.events
	o.events = nil
	return events, o.to
}

// SetWebhook sends the events of everything that happens from now on.
func (s *Server) SetWebhook(to Webhook) error {
	if u, err := url.Parse(to.URL); to.URL != "" && (err != nil || u.Host == "" || to.Secret == "") {
		return errors.New("a webhook needs a URL and a secret")
	}
	s.outbox.mu.Lock()
	s.outbox.to = to
	s.outbox.mu.Unlock()
	s.startSending()
	return nil
}

// send sends what is in the outbox until Close.
func (s *Server) send() {
	for {
		select {
		case <-s.done:
			return
		case <-s.outbox.wake:
		}
		s.outbox.mu.Lock()
		reorder := s.outbox.to.Reorder
		s.outbox.mu.Unlock()
		if reorder && !s.wait(deliveryPause) {
			return
		}
		events, to := s.outbox.take()
		if to.Reorder {
			slices.Reverse(events)
		}
		for _, e := range events {
			s.deliver(e, to)
		}
	}
}

func (s *Server) deliver(e event, to Webhook) {
	times := 1
	if to.Duplicate {
		times = 2
	}
	id := s.newID("evt_")
	body := mustJSON(map[string]any{
		"id": id, "object": "event", "api_version": apiVersion, "created": e.at.Unix(), "type": e.kind,
		"livemode": false, "pending_webhooks": 1, "request": map[string]any{"id": nil, "idempotency_key": nil},
		"data": map[string]any{"object": e.object},
	})
	for range times {
		for attempt := 1; ; attempt++ {
			err := s.post(to, body)
			if err == nil {
				s.cfg.Log.Info("webhook", "event", id, "type", e.kind)
				break
			}
			s.cfg.Log.Warn("webhook", "event", id, "type", e.kind, "error", err.Error())
			if attempt == deliveryAttempts || !s.wait(deliveryPause) {
				break
			}
		}
	}
}

func (s *Server) post(to Webhook, body []byte) error {
	u, err := url.Parse(to.URL)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: deliveryTimeout}
	res, err := client.Do(&http.Request{
		Method: http.MethodPost, URL: u, Host: to.Host, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{
			"Content-Type":     {"application/json; charset=utf-8"},
			"Stripe-Signature": {signature(to.Secret, s.cfg.Now(), body)},
		},
	})
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

// signature is Stripe's scheme v1: a MAC over the time and the body.
func signature(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
