package booking

import (
	"reflect"
	"time"
)

// all holds a zero value of every event there is.
func all() []Event {
	return []Event{
		BookingRequested{},
		BookingConfirmed{},
		DriverAssigned{},
		DriverUnassigned{},
		DriverArrived{},
		RideStarted{},
		RideCompleted{},
		BookingCanceled{},
		BookingExpired{},
		PaymentStarted{},
		PaymentAttemptSpent{},
		PaymentAuthorized{},
		PaymentDeclined{},
		PaymentCaptured{},
		PaymentVoided{},
		PaymentAbandoned{},
		PaymentFailed{},
		PaymentRetried{},
		PaymentAuthorizationLost{},
		PaymentDisputed{},
		RefundRequested{},
		PaymentRefunded{},
		PaymentRefundFailed{},
	}
}

// EventTypes returns the type strings of all events.
func EventTypes() []string {
	var types []string
	for _, e := range all() {
		types = append(types, e.Type())
	}
	return types
}

// registered is a type of event.
type registered struct {
	reflect.Type
	// evolves tells that Evolve knows it, and hasPartApart that a field of it is not in
	// its JSON.
	evolves, hasPartApart bool
}

// types maps type strings to types. It is never written to.
var types = func() map[string]registered {
	m := map[string]registered{}
	for _, e := range all() {
		m[e.Type()] = register(reflect.TypeOf(e))
	}
	return m
}()

func register(t reflect.Type) registered {
	r := registered{Type: t}
	for i := range t.NumField() {
		r.hasPartApart = r.hasPartApart || t.Field(i).Tag.Get("json") == "-"
	}
	// Every event has a time. What Evolve does not know does not update the state.
	e := reflect.New(t)
	at := time.Unix(0, 0)
	e.Elem().FieldByName("At").Set(reflect.ValueOf(at))
	r.evolves = Evolve(State{}, e.Elem().Interface().(Event)).UpdatedAt.Equal(at) //nolint:forcetypeassert // t is the type of an event
	return r
}

// newEvent returns a pointer to a zero event of a type.
func newEvent(eventType string) (Event, bool) {
	t, ok := types[eventType]
	if !ok {
		return nil, false
	}
	return reflect.New(t.Type).Interface().(Event), true //nolint:forcetypeassert // *T has the methods of T
}

// pointerTo returns a pointer to a copy of an event, valueOf the event behind a
// pointer: events are values everywhere but where they are coded.
func pointerTo(e Event) Event {
	p := reflect.New(reflect.TypeOf(e))
	p.Elem().Set(reflect.ValueOf(e))
	return p.Interface().(Event) //nolint:forcetypeassert // *T has the methods of T
}

func valueOf(p Event) Event {
	return reflect.ValueOf(p).Elem().Interface().(Event) //nolint:forcetypeassert // made by pointerTo
}
