package readmodel

// DecodeAs reads a stored view as a release does whose views are Ts.
func DecodeAs[T any](raw []byte) (T, error) { return decode[T](raw) }
