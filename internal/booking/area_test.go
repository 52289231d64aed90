package booking

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Where the tariff names areas, a ride begins and ends in one of them; edges are inside.
func TestRidesAreWithinTheArea(t *testing.T) {
	t.Parallel()
	tariff, err := parseTariff([]byte(strings.Replace(good, `"fees"`,
		`"areas":[{"south":52,"west":13,"north":53,"east":14},{"south":-1,"west":-1,"north":1,"east":1}],"fees"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	anywhere, err := parseTariff([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	berlin, mitte := Place{Lat: 52.52, Lng: 13.405}, Place{Lat: 52.53, Lng: 13.4}
	for name, test := range map[string]struct {
		from, to Place
		want     []string
	}{
		"inside":                  {berlin, mitte, nil},
		"on the edges":            {Place{Lat: 52, Lng: 13}, Place{Lat: 53, Lng: 14}, nil},
		"in the other area":       {Place{}, Place{Lat: 1, Lng: 1}, nil},
		"begins to the north":     {Place{Lat: 53.01, Lng: 13.4}, berlin, []string{"/pickup"}},
		"begins to the south":     {Place{Lat: 51.99, Lng: 13.4}, berlin, []string{"/pickup"}},
		"ends to the east":        {berlin, Place{Lat: 52.5, Lng: 14.01}, []string{"/dropoff"}},
		"ends to the west":        {berlin, Place{Lat: 52.5, Lng: 12.99}, []string{"/dropoff"}},
		"is elsewhere altogether": {Place{Lat: 48.1, Lng: 11.5}, Place{Lat: 48.2, Lng: 11.6}, []string{"/pickup", "/dropoff"}},
	} {
		if diff := cmp.Diff(test.want, pointersOf(ValidateQuote(tariff, "car", test.from, test.to))); diff != "" {
			t.Errorf("a ride that %s (-want +got):\n%s", name, diff)
		}
		if got := pointersOf(ValidateQuote(anywhere, "car", test.from, test.to)); got != nil {
			t.Errorf("without an area, a ride that %s is refused for %v", name, got)
		}
	}
}

// A ride that ends where it begins has no distance to quote: its hold would be the least,
// however far it goes. The labels are no difference.
func TestARideGoesSomewhere(t *testing.T) {
	t.Parallel()
	tariff, err := LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	here := Place{Lat: 52.52, Lng: 13.405, Label: "Here"}
	for name, test := range map[string]struct {
		to   Place
		want []string
	}{
		"the same place":    {here, []string{"/dropoff"}},
		"the same, renamed": {Place{Lat: 52.52, Lng: 13.405, Label: "There"}, []string{"/dropoff"}},
		"a little north":    {Place{Lat: 52.5201, Lng: 13.405}, nil},
		"a little east":     {Place{Lat: 52.52, Lng: 13.4051}, nil},
	} {
		if diff := cmp.Diff(test.want, pointersOf(ValidateQuote(tariff, "standard", here, test.to))); diff != "" {
			t.Errorf("to %s (-want +got):\n%s", name, diff)
		}
	}
}

// Zero has two signs and is one place.
func TestZeroIsOnePlace(t *testing.T) {
	t.Parallel()
	tariff, err := LoadTariff("standard-2026")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/dropoff"}, pointersOf(ValidateQuote(tariff, "standard", Place{Lng: math.Copysign(0, -1)}, Place{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func pointersOf(err error) []string {
	var rejected *Rejection
	if !errors.As(err, &rejected) {
		return nil
	}
	var pointers []string
	for _, f := range rejected.Fields {
		pointers = append(pointers, f.Pointer)
	}
	return pointers
}
