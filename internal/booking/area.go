package booking

import (
	"fmt"
	"math"
	"slices"
)

// Area is a box of a service area, in degrees of latitude and longitude, its edges
// included. One across the antimeridian is two.
type Area struct {
	South float64 `json:"south"`
	West  float64 `json:"west"`
	North float64 `json:"north"`
	East  float64 `json:"east"`
}

func (a Area) holds(p Place) bool {
	return a.South <= p.Lat && p.Lat <= a.North && a.West <= p.Lng && p.Lng <= a.East
}

func (a Area) validate() error {
	for _, degrees := range []float64{a.South, a.West, a.North, a.East} {
		if math.IsNaN(degrees) {
			return fmt.Errorf("an edge is no number")
		}
	}
	if a.South < -90 || a.South >= a.North || a.North > 90 || a.West < -180 || a.West >= a.East || a.East > 180 {
		return fmt.Errorf("south must be below north, within 90 degrees, and west below east, within 180")
	}
	return nil
}

// drives says whether rides may begin and end at a place: anywhere, where the tariff names
// no area.
func (t Tariff) drives(p Place) bool {
	return len(t.Areas) == 0 || slices.ContainsFunc(t.Areas, func(a Area) bool { return a.holds(p) })
}
