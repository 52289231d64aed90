package smoke

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
)

// reads checks the ways to read the confirmed booking besides the plain one.
func (s *session) reads() {
	s.check("at_version shows the booking as the first POST did", func() error {
		if s.booking.ID == "" {
			return errNoBooking
		}
		response, err := s.get(s.rider, fmt.Sprintf("/v1/bookings/%s?at_version=%d", s.booking.ID, s.booking.Version))
		if err != nil {
			return err
		}
		return errors.Join(response.Err(http.StatusOK), ensure(bytes.Equal(response.Body, s.created.Body), "another body: %s", response.Body))
	})
	s.check("If-None-Match with the booking's ETag answers 304", func() error {
		if s.confirmed.ID == "" {
			return errNoBooking
		}
		response, err := s.rider.Do(s.ctx, api.Request{
			Method: http.MethodGet, Path: "/v1/bookings/" + s.booking.ID, Header: map[string]string{"If-None-Match": etag(s.confirmed.Version)},
		})
		if err != nil {
			return err
		}
		return errors.Join(response.Err(http.StatusNotModified), ensure(len(response.Body) == 0, "a body: %s", response.Body))
	})
	s.check("HEAD answers as GET, without the body", func() error {
		if s.confirmed.ID == "" {
			return errNoBooking
		}
		response, err := s.rider.Do(s.ctx, api.Request{Method: http.MethodHead, Path: "/v1/bookings/" + s.booking.ID})
		if err != nil {
			return err
		}
		return errors.Join(
			response.Err(http.StatusOK), equal("ETag", response.Header.Get("ETag"), etag(s.confirmed.Version)),
			ensure(len(response.Body) == 0, "a body: %s", response.Body),
		)
	})
	s.check("the history tells requested to confirmed, without tokens or references of the provider", func() error {
		return s.toldAs("BookingRequested", "PaymentStarted", "PaymentAuthorized", "BookingConfirmed")
	})
	s.check("the list of those that wait for a driver has the booking", func() error {
		return s.awaitWaiting(true)
	})
}

// toldAs expects the history of the ride to have events of these types. It reads
// pages of three, so that more events take a cursor.
func (s *session) toldAs(want ...string) error {
	if s.booking.ID == "" {
		return errNoBooking
	}
	var types []string
	err := s.pages(s.rider, "/v1/bookings/"+s.booking.ID+"/events", 3, func(response api.Response) (int, error) {
		var page struct {
			Items []struct {
				Version int64
				Type    string
			}
		}
		if err := response.Decode(&page); err != nil {
			return 0, err
		}
		for _, secret := range []string{"pm_card", `"pi_`} {
			if strings.Contains(string(response.Body), secret) {
				return 0, fmt.Errorf("it shows %s…", secret)
			}
		}
		for _, item := range page.Items {
			types = append(types, item.Type)
			if item.Version != int64(len(types)) {
				return 0, fmt.Errorf("event %d has version %d", len(types), item.Version)
			}
		}
		return len(page.Items), nil
	})
	return errors.Join(err, ensure(err != nil || slices.Equal(types, want), "events are %v, want %v", types, want))
}

// awaitWaiting waits until the booking is in the dispatcher's list, or is not.
func (s *session) awaitWaiting(listed bool) error {
	if s.confirmed.ID == "" {
		return errNoBooking
	}
	return s.eventually(func() error {
		found, err := s.bookings(s.dispatch, "/v1/dispatch/bookings?state=confirmed", 100)
		if err != nil {
			return err
		}
		return equal("it is in the list", slices.Contains(found, s.booking.ID), listed)
	})
}

// ownBookings checks the list of the rider's own bookings, which are all that this run has made.
func (s *session) ownBookings() {
	s.check("the rider's own bookings are listed newest first, over several pages", func() error {
		if len(s.requested) < 2 {
			return errNoBooking
		}
		want := slices.Clone(s.requested)
		slices.Reverse(want)
		return s.eventually(func() error {
			found, err := s.bookings(s.rider, "/v1/bookings", 2)
			if err != nil {
				return err
			}
			found = found[:min(len(found), len(want))] // older ones may follow
			return ensure(slices.Equal(found, want), "listed are %v, want %v", found, want)
		})
	})
	s.check("another rider's list has none of them, and takes no cursor of theirs", func() error {
		if len(s.requested) < 2 {
			return errNoBooking
		}
		found, err := s.bookings(s.other, "/v1/bookings", 100)
		if err != nil {
			return err
		}
		for _, id := range s.requested {
			if slices.Contains(found, id) {
				return fmt.Errorf("it has %s", id)
			}
		}
		page, err := s.get(s.rider, "/v1/bookings?limit=1")
		if err != nil {
			return err
		}
		if err := page.Err(http.StatusOK); err != nil {
			return err
		}
		next, err := nextPage(page)
		if err != nil || next == "" {
			return errors.Join(err, ensure(next != "", "the rider's list has one page"))
		}
		refused, err := s.get(s.other, next)
		if err != nil {
			return err
		}
		return problem(refused, http.StatusBadRequest, "malformed-request")
	})
}

// bookings returns the ids in a list of bookings.
func (s *session) bookings(client api.Client, path string, limit int) ([]string, error) {
	var ids []string
	err := s.pages(client, path, limit, func(response api.Response) (int, error) {
		var page api.Page
		if err := response.Decode(&page); err != nil {
			return 0, err
		}
		for _, booking := range page.Items {
			ids = append(ids, booking.ID)
		}
		return len(page.Items), nil
	})
	return ids, err
}

// maxPages ends the reading of a list that does not end.
const maxPages = 100

// pages reads a list to its end, by the links from page to page. read returns the
// number of items of a page.
func (s *session) pages(client api.Client, path string, limit int, read func(api.Response) (int, error)) error {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	path += fmt.Sprintf("%slimit=%d", separator, limit)
	for range maxPages {
		response, err := s.get(client, path)
		if err != nil {
			return err
		}
		if err := response.Err(http.StatusOK); err != nil {
			return err
		}
		items, err := read(response)
		if err != nil {
			return err
		}
		if items > limit {
			return fmt.Errorf("%d items, want at most %d", items, limit)
		}
		if path, err = nextPage(response); err != nil || path == "" {
			return err
		}
	}
	return fmt.Errorf("the list goes on after %d pages", maxPages)
}

// nextPage returns where a page's Link leads, and nothing on the last page. The link
// and the body must agree on that.
func nextPage(page api.Response) (string, error) {
	var body struct {
		NextCursor *string `json:"next_cursor"`
	}
	if err := page.Decode(&body); err != nil {
		return "", err
	}
	link := page.Header.Get("Link")
	if body.NextCursor == nil {
		return "", equal("Link of the last page", link, "")
	}
	target, rest, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	at, err := url.Parse(target)
	if err != nil || rest != `; rel="next"` {
		return "", fmt.Errorf("the header Link is %q, want one to the next page", link)
	}
	return target, equal("cursor of the Link", at.Query().Get("cursor"), *body.NextCursor)
}

func (s *session) get(client api.Client, path string) (api.Response, error) {
	return client.Do(s.ctx, api.Request{Method: http.MethodGet, Path: path})
}
