package api

import "encoding/json"

// Money is an amount in minor units of a currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Place is where a ride begins or ends.
type Place struct {
	Lat   float64 `json:"lat"`
	Lng   float64 `json:"lng"`
	Label string  `json:"label,omitempty"`
}

// BookingRequest is the body of POST /v1/bookings.
type BookingRequest struct {
	Pickup        Place  `json:"pickup"`
	Dropoff       Place  `json:"dropoff"`
	Product       string `json:"product"`
	PaymentMethod string `json:"payment_method"`
	ExpectedFare  *Money `json:"expected_fare,omitempty"`
}

// SampleRequest is a ride that any stack can price: across the middle of Berlin.
func SampleRequest() BookingRequest {
	return BookingRequest{
		Pickup:        Place{Lat: 52.5219, Lng: 13.4132, Label: "Alexanderplatz"},
		Dropoff:       Place{Lat: 52.5163, Lng: 13.3777, Label: "Brandenburger Tor"},
		Product:       "standard",
		PaymentMethod: "pm_card_visa",
	}
}

// Booking is the part of a booking that commands and checks look at.
type Booking struct {
	ID       string  `json:"id"`
	Version  int64   `json:"version"`
	State    string  `json:"state"`
	RiderID  string  `json:"rider_id"`
	DriverID *string `json:"driver_id"`
	Fare     Money   `json:"fare"`
	Payment  struct {
		State      string          `json:"state"`
		Authorized *Money          `json:"authorized"`
		Captured   Money           `json:"captured"`
		Refunded   Money           `json:"refunded"`
		Failure    json.RawMessage `json:"failure"`
	} `json:"payment"`
	Cancellation *struct {
		By     string `json:"by"`
		Reason string `json:"reason"`
		Fee    Money  `json:"fee"`
	} `json:"cancellation"`
}

// QuoteRequest is the body of POST /v1/quotes.
type QuoteRequest struct {
	Pickup  Place  `json:"pickup"`
	Dropoff Place  `json:"dropoff"`
	Product string `json:"product"`
}

// Quote is what a ride would cost, and how that comes about.
type Quote struct {
	Fare      Money `json:"fare"`
	Breakdown struct {
		DistanceM int64 `json:"distance_m"`
		DurationS int64 `json:"duration_s"`
		Base      Money `json:"base"`
		PerKM     Money `json:"per_km"`
		PerMinute Money `json:"per_minute"`
		Minimum   Money `json:"minimum"`
		Hold      Money `json:"hold"`
	} `json:"breakdown"`
}

// Page is one page of a list of bookings.
type Page struct {
	Items      []Booking `json:"items"`
	NextCursor *string   `json:"next_cursor"`
}

// Confirmed is the state of a booking whose payment was authorized.
const Confirmed = "confirmed"

// Waiting reports whether the booking still waits for its payment.
func (b Booking) Waiting() bool { return b.State == "requested" }

// Problem is the body of an error response (RFC 9457).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors"`
}
