package eventbridgebus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	lambdaevents "github.com/aws/aws-lambda-go/events"
)

// known is what a consumer keeps of a booking.
type known struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	State   string `json:"state"`
}

// consumer keeps the newest state of bookings that it hears of.
type consumer struct {
	api, token string
	known      map[string]known
}

// handle is the consumer's Lambda function.
func (c *consumer) handle(ctx context.Context, e lambdaevents.EventBridgeEvent) error {
	var news struct {
		BookingID string `json:"booking_id"`
		Version   int64  `json:"version"`
	}
	if err := json.Unmarshal(e.Detail, &news); err != nil {
		return err
	}
	if c.known[news.BookingID].Version >= news.Version {
		return nil // a repeat, or late: a newer state is there already
	}
	b, err := c.read(ctx, fmt.Sprintf("%s/v1/bookings/%s?min_version=%d", c.api, news.BookingID, news.Version))
	if err != nil {
		return err // Lambda tries again, then the rule's dead-letter queue has it
	}
	if b.Version > c.known[news.BookingID].Version {
		c.known[news.BookingID] = b // in a database: a write on the condition that the version is greater
	}
	return nil
}

func (c *consumer) read(ctx context.Context, url string) (b known, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return b, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return b, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return b, fmt.Errorf("the booking is answered with %s", response.Status)
	}
	err = json.NewDecoder(response.Body).Decode(&b)
	return b, err
}

// A consumer of the bus hears of a booking's second event first, then of its first, then of
// the second again. It asks once, and knows the newest.
func Example_consumer() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL)
		fmt.Fprint(w, `{"id":"bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","version":4,"state":"confirmed"}`)
	}))
	defer api.Close()
	c := consumer{api: api.URL, token: "a machine client's", known: map[string]known{}}
	for _, detail := range []string{
		`{"booking_id":"bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","version":2,"type":"PaymentStarted"}`,
		`{"booking_id":"bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","version":1,"type":"BookingRequested"}`,
		`{"booking_id":"bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","version":2,"type":"PaymentStarted"}`,
	} {
		if err := c.handle(context.Background(), lambdaevents.EventBridgeEvent{Source: "hailstone.hailstone-prod", Detail: json.RawMessage(detail)}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(c.known["bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
	// Output:
	// GET /v1/bookings/bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?min_version=2
	// {bk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 4 confirmed}
}
