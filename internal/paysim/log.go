package paysim

import "log/slog"

// logAttrs names what a call did. Nothing of the request's parameters goes into
// it: they hold the payment method and free metadata.
func logAttrs(c *call, a answer, status int) []slog.Attr {
	attrs := []slog.Attr{slog.String("op", string(c.op)), slog.Int("status", status)}
	if ref := firstOf(a.ref, c.ref); ref != "" {
		attrs = append(attrs, slog.String("ref", ref))
	}
	if a.result != "" {
		attrs = append(attrs, slog.String("result", a.result))
	}
	if a.requestID != "" {
		attrs = append(attrs, slog.String("request_id", a.requestID))
	}
	if c.fault != "" {
		attrs = append(attrs, slog.String("fault", string(c.fault)))
	}
	if c.replayed {
		attrs = append(attrs, slog.Bool("replayed", true))
	}
	return attrs
}

// levelOf makes calls without an answer and failures stand out.
func levelOf(status int) slog.Level {
	if status == 0 || status >= 500 {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
