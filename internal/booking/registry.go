package booking

import "reflect"

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

// types maps type strings to Go types. It is never written to.
var types = func() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, e := range all() {
		m[e.Type()] = reflect.TypeOf(e)
	}
	return m
}()

// newEvent returns a pointer to a zero event of a type.
func newEvent(eventType string) (Event, bool) {
	t, ok := types[eventType]
	if !ok {
		return nil, false
	}
	return reflect.New(t).Interface().(Event), true //nolint:forcetypeassert // *T has the methods of T
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
