package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/httpapi"
)

// with returns the ride with one text in it replaced.
func with(old, replacement string) string {
	if !strings.Contains(ride, old) {
		panic("the ride has no " + old)
	}
	return strings.Replace(ride, old, replacement, 1)
}

// expecting returns the ride with an expected fare.
func expecting(fare string) string { return with("{", `{"expected_fare":`+fare+",") }

// Each of these values is refused, with a pointer to it, by the API and by the
// contract alike.
func TestValuesAreValidated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body     string
		pointers []string
	}{
		"nothing":            {`{}`, []string{"/pickup", "/dropoff", "/payment_method", "/product"}},
		"no pickup":          {with(`"pickup":{"lat":52.52,"lng":13.405,"label":"Alexanderplatz"},`, ``), []string{"/pickup"}},
		"no dropoff":         {with(`"dropoff":{"lat":52.5251,"lng":13.3694,"label":"Hauptbahnhof"},`, ``), []string{"/dropoff"}},
		"no product":         {with(`"product":"standard",`, ``), []string{"/product"}},
		"no payment method":  {with(`,"payment_method":"pm_card_visa"`, ``), []string{"/payment_method"}},
		"no latitude":        {with(`"lat":52.52,`, ``), []string{"/pickup/lat"}},
		"no longitude":       {with(`"lng":13.3694,`, ``), []string{"/dropoff/lng"}},
		"an empty place":     {with(`{"lat":52.52,"lng":13.405,"label":"Alexanderplatz"}`, `{}`), []string{"/pickup/lat", "/pickup/lng"}},
		"no amount":          {expecting(`{"currency":"EUR"}`), []string{"/expected_fare/amount"}},
		"no currency":        {expecting(`{"amount":700}`), []string{"/expected_fare/currency"}},
		"nothing of a fare":  {expecting(`{}`), []string{"/expected_fare/amount", "/expected_fare/currency"}},
		"several are absent": {with(`"lat":52.52,`, ``)[:len(with(`"lat":52.52,`, ``))-len(`,"payment_method":"pm_card_visa"}`)] + `}`, []string{"/pickup/lat", "/payment_method"}},

		"a list":                    {`[]`, []string{""}},
		"a text":                    {`"ride"`, []string{""}},
		"a number":                  {`7`, []string{""}},
		"true":                      {`true`, []string{""}},
		"null":                      {`null`, []string{""}},
		"pickup is a text":          {with(`{"lat":52.52,"lng":13.405,"label":"Alexanderplatz"}`, `"Alexanderplatz"`), []string{"/pickup"}},
		"pickup is a list":          {with(`{"lat":52.52,"lng":13.405,"label":"Alexanderplatz"}`, `[52.52,13.405]`), []string{"/pickup"}},
		"pickup is null":            {with(`{"lat":52.52,"lng":13.405,"label":"Alexanderplatz"}`, `null`), []string{"/pickup"}},
		"the latitude is a text":    {with(`52.52,`, `"52.52",`), []string{"/pickup/lat"}},
		"the latitude is null":      {with(`52.52,`, `null,`), []string{"/pickup/lat"}},
		"the label is a number":     {with(`"Alexanderplatz"`, `7`), []string{"/pickup/label"}},
		"the label is null":         {with(`"Alexanderplatz"`, `null`), []string{"/pickup/label"}},
		"the product is a number":   {with(`"standard"`, `1`), []string{"/product"}},
		"the product is a list":     {with(`"standard"`, `["standard"]`), []string{"/product"}},
		"the method is an object":   {with(`"pm_card_visa"`, `{"id":"pm_card_visa"}`), []string{"/payment_method"}},
		"the fare is a number":      {expecting(`700`), []string{"/expected_fare"}},
		"the fare is null":          {expecting(`null`), []string{"/expected_fare"}},
		"the amount is a text":      {expecting(`{"amount":"700","currency":"EUR"}`), []string{"/expected_fare/amount"}},
		"the amount is a fraction":  {expecting(`{"amount":7.5,"currency":"EUR"}`), []string{"/expected_fare/amount"}},
		"the currency is a number":  {expecting(`{"amount":700,"currency":978}`), []string{"/expected_fare/currency"}},
		"the first of two is named": {strings.Replace(with(`"standard"`, `1`), `52.52,`, `"52.52",`, 1), []string{"/pickup/lat"}},

		"a latitude over 90":          {with(`52.52,`, `90.0000001,`), []string{"/pickup/lat"}},
		"a latitude under -90":        {with(`52.5251,`, `-91,`), []string{"/dropoff/lat"}},
		"a longitude over 180":        {with(`13.405,`, `181,`), []string{"/pickup/lng"}},
		"a longitude under -180":      {with(`13.3694,`, `-180.5,`), []string{"/dropoff/lng"}},
		"a huge latitude":             {with(`52.52,`, `1e300,`), []string{"/pickup/lat"}},
		"a latitude beyond floats":    {with(`52.52,`, `1e999,`), []string{"/pickup/lat"}},
		"a latitude beyond, negative": {with(`52.52,`, `-1e999,`), []string{"/pickup/lat"}},
		"an unknown product":          {with(`standard`, `tank`), []string{"/product"}},
		"a product in capitals":       {with(`standard`, `Standard`), []string{"/product"}},
		"an empty product":            {with(`standard`, ``), []string{"/product"}},
		"an empty method":             {with(`pm_card_visa`, ``), []string{"/payment_method"}},
		"a card number":               {with(`pm_card_visa`, `4242424242424242`), []string{"/payment_method"}},
		"a bare prefix":               {with(`pm_card_visa`, `pm_`), []string{"/payment_method"}},
		"a method with a slash":       {with(`pm_card_visa`, `pm_x/../y`), []string{"/payment_method"}},
		"a method with a line break":  {with(`pm_card_visa`, `pm_x\n`), []string{"/payment_method"}},
		"a long method":               {with(`pm_card_visa`, `pm_`+strings.Repeat("x", 251)), []string{"/payment_method"}},
		"a label of 121 characters":   {with(`Alexanderplatz`, strings.Repeat("ß", 121)), []string{"/pickup/label"}},
		"a label with a NUL":          {with(`Alexanderplatz`, `A\u0000`), []string{"/pickup/label"}},
		"a label with a line break":   {with(`Hauptbahnhof`, `A\nB`), []string{"/dropoff/label"}},
		"a label with a DEL":          {with(`Hauptbahnhof`, `A\u007f`), []string{"/dropoff/label"}},
		"a label with a C1 control":   {with(`Hauptbahnhof`, `A\u0085`), []string{"/dropoff/label"}},
		"a negative fare":             {expecting(`{"amount":-1,"currency":"EUR"}`), []string{"/expected_fare/amount"}},
		"an amount over 2^53-1":       {expecting(`{"amount":9007199254740992,"currency":"EUR"}`), []string{"/expected_fare/amount"}},
		"an amount over int64":        {expecting(`{"amount":9223372036854775808,"currency":"EUR"}`), []string{"/expected_fare/amount"}},
		"an amount beyond floats":     {expecting(`{"amount":1e999,"currency":"EUR"}`), []string{"/expected_fare/amount"}},
		"a currency in small letters": {expecting(`{"amount":700,"currency":"eur"}`), []string{"/expected_fare/currency"}},
		"a currency that is a sign":   {expecting(`{"amount":700,"currency":"€"}`), []string{"/expected_fare/currency"}},
		"an empty currency":           {expecting(`{"amount":700,"currency":""}`), []string{"/expected_fare/currency"}},
		"everything at once":          {`{"pickup":{"lat":91,"lng":181,"label":"\t"},"dropoff":{"lat":-91,"lng":-181},"product":"x","payment_method":"x","expected_fare":{"amount":-1,"currency":"EUR"}}`, []string{"/pickup/lat", "/pickup/lng", "/pickup/label", "/dropoff/lat", "/dropoff/lng", "/product", "/payment_method", "/expected_fare/amount"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := book(alice, "k1", test.body)
			p := w.refused(r, http.StatusUnprocessableEntity, booking.CodeValidationFailed)
			var pointers []string
			for _, e := range p.Errors {
				pointers = append(pointers, e.Pointer)
			}
			if diff := cmp.Diff(test.pointers, pointers); diff != "" {
				t.Errorf("pointers (-want +got):\n%s", diff)
			}
			if w.log.appends.Load() > 0 {
				t.Error("an append was tried")
			}
			if err := w.contract.Allows(w.http(r), []byte(r.body)); err == nil {
				t.Error("the contract allows the request")
			}
		})
	}
}

// What is at the border is on the right side of it, and the contract agrees,
// since every exchange is checked against it.
func TestBordersBelongToTheRange(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"the poles":                  `{"pickup":{"lat":90,"lng":180},"dropoff":{"lat":89.9,"lng":-180},"product":"xl","payment_method":"pm_x"}`,
		"the south pole":             `{"pickup":{"lat":-90,"lng":-180},"dropoff":{"lat":-90,"lng":180},"product":"premium","payment_method":"pm_x"}`,
		"zero":                       `{"pickup":{"lat":0,"lng":-0.0},"dropoff":{"lat":0,"lng":0.001},"product":"standard","payment_method":"pm_x"}`,
		"a label of 120 characters":  with(`Alexanderplatz`, strings.Repeat("ß", 120)),
		"an empty label":             with(`Alexanderplatz`, ``),
		"a label beyond the plane":   with(`Alexanderplatz`, `\ud83d\ude95`),
		"a label with markup":        with(`Alexanderplatz`, `<b>A & 'B' \"C\"</b>`),
		"the longest method":         with(`pm_card_visa`, `pm_`+strings.Repeat("x", 250)),
		"an amount as a float":       expecting(`{"amount":700.0e0,"currency":"EUR"}`),
		"a body of the largest size": ride + strings.Repeat(" ", 16<<10-len(ride)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if name == "an amount as a float" {
				body = strings.Replace(body, "700.0e0", itoa(w.fare())+".0e0", 1)
			}
			w.must(book(alice, "k1", body), http.StatusCreated)
		})
	}
}

func TestAPlaceOutOfReachIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.refused(book(alice, "k1", with(`"lat":52.5251`, `"lat":-33.9`)), http.StatusUnprocessableEntity, booking.CodeValidationFailed)
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/dropoff" {
		t.Errorf("errors: %v, want one at /dropoff", p.Errors)
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	malformed := func(body string) request { return book(alice, "k1", body) }
	for name, test := range map[string]struct {
		request request
		status  int
		code    booking.Code
		detail  string // the end of the detail
	}{
		"no body":                      {malformed(``), 400, httpapi.CodeMalformed, "not valid JSON."},
		"blanks":                       {malformed("  \n"), 400, httpapi.CodeMalformed, "not valid JSON."},
		"half a body":                  {malformed(ride[:60]), 400, httpapi.CodeMalformed, "not valid JSON."},
		"two bodies":                   {malformed(ride + ride), 400, httpapi.CodeMalformed, "not valid JSON."},
		"something after it":           {malformed(ride + "x"), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a comma too many":             {malformed(with(`visa"`, `visa",`)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a comment":                    {malformed(`/* ride */` + ride), 400, httpapi.CodeMalformed, "not valid JSON."},
		"single quotes":                {malformed(strings.ReplaceAll(ride, `"`, `'`)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a byte order mark":            {malformed("\ufeff" + ride), 400, httpapi.CodeMalformed, "not valid JSON."},
		"not a number":                 {malformed(with(`52.52,`, `NaN,`)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"infinity":                     {malformed(with(`52.52,`, `Infinity,`)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a leading zero":               {malformed(with(`52.52,`, `052.52,`)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a hexadecimal number":         {malformed(with(`52.52,`, `0x34,`)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a lone surrogate":             {malformed(with(`Alexanderplatz`, `\ud800`)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a reversed pair":              {malformed(with(`Alexanderplatz`, `\ude95\ud83d`)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"invalid UTF-8":                {malformed(with(`Alexanderplatz`, "\xff\xfe")), 400, httpapi.CodeMalformed, "not valid JSON."},
		"an overlong encoding":         {malformed(with(`Alexanderplatz`, "\xc0\xaf")), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a bare control character":     {malformed(with(`Alexanderplatz`, "A\x01")), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a bare line break":            {malformed(with(`Alexanderplatz`, "A\nB")), 400, httpapi.CodeMalformed, "not valid JSON."},
		"UTF-16":                       {malformed("{\x00\"\x00}\x00"), 400, httpapi.CodeMalformed, "not valid JSON."},
		"deep nesting":                 {malformed(strings.Repeat("[", 16<<10)), 400, httpapi.CodeMalformed, "not valid JSON."},
		"an unknown field":             {malformed(with(`{`, `{"tip":1,`)), 400, httpapi.CodeMalformed, "an unknown field: /tip."},
		"an unknown field inside":      {malformed(with(`"lat":52.52`, `"latitude":1,"lat":52.52`)), 400, httpapi.CodeMalformed, "an unknown field: /pickup/latitude."},
		"a field in capitals":          {malformed(with(`"product"`, `"Product"`)), 400, httpapi.CodeMalformed, "an unknown field: /Product."},
		"an empty field name":          {malformed(with(`{`, `{"":1,`)), 400, httpapi.CodeMalformed, "an unknown field."},
		"a card number as a field":     {malformed(with(`{`, `{"4242424242424242":1,`)), 400, httpapi.CodeMalformed, "an unknown field."},
		"markup as a field":            {malformed(with(`{`, `{"<script>":1,`)), 400, httpapi.CodeMalformed, "an unknown field."},
		"a long unknown field":         {malformed(with(`{`, `{"`+strings.Repeat("x", 41)+`":1,`)), 400, httpapi.CodeMalformed, "an unknown field."},
		"a field of the server":        {malformed(with(`{`, `{"rider_id":"bob",`)), 400, httpapi.CodeMalformed, "an unknown field: /rider_id."},
		"a field twice":                {malformed(with(`"product":"standard"`, `"product":"standard","product":"standard"`)), 400, httpapi.CodeMalformed, "a field twice: /product."},
		"a field twice inside":         {malformed(with(`"lat":52.52`, `"lat":52.52,"lat":52.52`)), 400, httpapi.CodeMalformed, "a field twice: /pickup/lat."},
		"a field twice, once escaped":  {malformed(with(`"lat":52.52`, `"lat":52.52,"\u006cat":1`)), 400, httpapi.CodeMalformed, "a field twice: /pickup/lat."},
		"a field twice, unknown":       {malformed(with(`{`, `{"tip":{"1":1,"1":2},`)), 400, httpapi.CodeMalformed, "a field twice."},
		"bad JSON before a bad value":  {malformed(with(`52.52,`, `"x",`)[:80]), 400, httpapi.CodeMalformed, "not valid JSON."},
		"a byte too many":              {malformed(ride + strings.Repeat(" ", 16<<10-len(ride)+1)), 413, httpapi.CodeTooLarge, "at most 16384 bytes."},
		"a megabyte":                   {malformed(ride + strings.Repeat(" ", 1<<20)), 413, httpapi.CodeTooLarge, "at most 16384 bytes."},
		"a megabyte of nonsense":       {malformed(strings.Repeat("\xff", 1<<20)), 413, httpapi.CodeTooLarge, "at most 16384 bytes."},
		"no content type":              {malformed(ride).with("Content-Type"), 415, httpapi.CodeUnsupportedMedia, ""},
		"an empty content type":        {malformed(ride).with("Content-Type", ""), 415, httpapi.CodeUnsupportedMedia, ""},
		"a form":                       {malformed(ride).with("Content-Type", "application/x-www-form-urlencoded"), 415, httpapi.CodeUnsupportedMedia, ""},
		"text":                         {malformed(ride).with("Content-Type", "text/plain"), 415, httpapi.CodeUnsupportedMedia, ""},
		"text that ends in json":       {malformed(ride).with("Content-Type", "text/json"), 415, httpapi.CodeUnsupportedMedia, ""},
		"a type built on JSON":         {malformed(ride).with("Content-Type", "application/merge-patch+json"), 415, httpapi.CodeUnsupportedMedia, ""},
		"another charset":              {malformed(ride).with("Content-Type", "application/json; charset=iso-8859-1"), 415, httpapi.CodeUnsupportedMedia, ""},
		"a malformed content type":     {malformed(ride).with("Content-Type", "application/json; ="), 415, httpapi.CodeUnsupportedMedia, ""},
		"no key":                       {malformed(ride).with("Idempotency-Key"), 400, httpapi.CodeMissingKey, ""},
		"an empty key":                 {malformed(ride).with("Idempotency-Key", ""), 400, httpapi.CodeMissingKey, ""},
		"no key and nothing else":      {malformed(``).with("Idempotency-Key").with("Content-Type"), 400, httpapi.CodeMissingKey, ""},
		"a quoted empty key":           {malformed(ride).with("Idempotency-Key", `""`), 400, httpapi.CodeMalformed, "quoted string."},
		"a key of 256 characters":      {malformed(ride).with("Idempotency-Key", strings.Repeat("k", 256)), 400, httpapi.CodeMalformed, "quoted string."},
		"a quoted one of 256":          {malformed(ride).with("Idempotency-Key", `"`+strings.Repeat("k", 256)+`"`), 400, httpapi.CodeMalformed, "quoted string."},
		"a key with a blank":           {malformed(ride).with("Idempotency-Key", "a b"), 400, httpapi.CodeMalformed, "quoted string."},
		"a key of a blank":             {malformed(ride).with("Idempotency-Key", " "), 400, httpapi.CodeMalformed, "quoted string."},
		"a key with a tab":             {malformed(ride).with("Idempotency-Key", "a\tb"), 400, httpapi.CodeMalformed, "quoted string."},
		"a key with a control":         {malformed(ride).with("Idempotency-Key", "a\x00b"), 400, httpapi.CodeMalformed, "quoted string."},
		"a key with a DEL":             {malformed(ride).with("Idempotency-Key", "a\x7fb"), 400, httpapi.CodeMalformed, "quoted string."},
		"a key beyond ASCII":           {malformed(ride).with("Idempotency-Key", "schlüssel"), 400, httpapi.CodeMalformed, "quoted string."},
		"a key with an opening quote":  {malformed(ride).with("Idempotency-Key", `"k1`), 400, httpapi.CodeMalformed, "quoted string."},
		"a key with a wrong escape":    {malformed(ride).with("Idempotency-Key", `"k\1"`), 400, httpapi.CodeMalformed, "quoted string."},
		"a key with an escaped ending": {malformed(ride).with("Idempotency-Key", `"k1\"`), 400, httpapi.CodeMalformed, "quoted string."},
		"two quoted keys":              {malformed(ride).with("Idempotency-Key", `"k1"`, `"k2"`), 400, httpapi.CodeMalformed, "quoted string."},
		"two content types":            {malformed(ride).with("Content-Type", "application/json", "application/json"), 400, httpapi.CodeMalformed, "given once."},
		"the same, joined":             {malformed(ride).with("Content-Type", "application/json,application/json"), 400, httpapi.CodeMalformed, "given once."},
		"the same, with a charset":     {malformed(ride).with("Content-Type", "application/json; charset=utf-8,application/json; charset=utf-8"), 400, httpapi.CodeMalformed, "given once."},
		"compressed":                   {malformed(ride).with("Content-Encoding", "gzip"), 415, httpapi.CodeUnsupportedMedia, "compressed."},
		"compressed twice":             {malformed(ride).with("Content-Encoding", "identity, br"), 415, httpapi.CodeUnsupportedMedia, "compressed."},
		"an unknown coding":            {malformed(ride).with("Content-Encoding", "aws-chunked"), 415, httpapi.CodeUnsupportedMedia, "compressed."},
		"replaced text":                {malformed(with(`Alexanderplatz`, "\ufffd")), 400, httpapi.CodeMalformed, "in its place."},
		"replaced text, escaped":       {malformed(with(`Alexanderplatz`, `\uFFFD`)), 400, httpapi.CodeMalformed, "in its place."},
		"a replaced field name":        {malformed(with(`{`, "{\"\ufffd\":1,")), 400, httpapi.CodeMalformed, "in its place."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.refused(test.request, test.status, test.code)
			if !strings.HasSuffix(p.Detail, test.detail) || p.Errors != nil {
				t.Errorf("the detail is %q with %v, want one that ends with %q", p.Detail, p.Errors, test.detail)
			}
			if w.log.appends.Load() > 0 {
				t.Error("an append was tried")
			}
		})
	}
}

func TestTheSameKeyInAllItsForms(t *testing.T) {
	t.Parallel()
	all := ""
	for c := '!'; c <= '~'; c++ {
		all += string(c)
	}
	all = strings.ReplaceAll(all, ",", "") // which only a quoted key may have
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for name, key := range map[string]string{
		"one character":           "k",
		"255 characters":          strings.Repeat("k", 255),
		"all characters":          all,
		"255 escaped characters":  "k" + strings.Repeat(`\`, 254),
		"quotation marks inside":  `a"b"`,
		"a backslash":             `a\b`,
		"a UUID":                  "5f0c6c1e-8f2b-4a6d-9d0e-0d4b8b1c7a55",
		"what looks like a quote": `'k'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			raw, _ := w.must(book(alice, key, ride), http.StatusCreated)
			quoted, a := w.must(book(alice, `"`+quote.Replace(key)+`"`, ride), http.StatusCreated)
			if raw.ID != quoted.ID || a.header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("raw it is %s, quoted %s", raw.ID, quoted.ID)
			}
		})
	}
}
