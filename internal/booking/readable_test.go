package booking_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hailstone-rides/hailstone/internal/booking"
)

// stranger is an event that nobody has registered.
type stranger struct {
	At time.Time `json:"at"`
}

func (stranger) Type() string { return "BookingTeleported" }

// secretive is an event with a part that is stored apart, of which nobody knows.
type secretive struct {
	At       time.Time      `json:"at"`
	Personal booking.Remark `json:"-"`
}

func (secretive) Type() string { return "SecretKept" }

// impostor is an event under the name of another.
type impostor struct {
	At time.Time `json:"at"`
}

func (impostor) Type() string { return booking.TypeBookingConfirmed }

// A stream with an event in it that cannot be read is lost. So nothing is written then,
// not even the events beside it.
func TestWhatCouldNotBeReadBackIsNotWritten(t *testing.T) {
	t.Parallel()
	broken := requested(t)
	broken.Personal.Pickup.Label = "\xff"
	for name, e := range map[string]booking.Event{
		"a type that is not registered": stranger{At: noon},
		"a type under another's name":   impostor{At: noon},
		"a pointer to an event":         &booking.BookingConfirmed{At: noon},
		"personal data that is no text": broken,
		"data that is no text":          booking.PaymentFailed{At: noon, Reason: "\xff"},
		"a time that JSON cannot have":  booking.BookingConfirmed{At: noon, AssignBy: noon.AddDate(9999, 0, 0)},
	} {
		stored, personal, err := booking.Encode([]booking.Event{confirmed, e})
		if err == nil || !strings.Contains(err.Error(), e.Type()) || stored != nil || personal != nil {
			t.Errorf("%s: %d events are to be stored (%v), want an error that names the type", name, len(stored), err)
		}
	}
}

// What is in the registry and not in Evolve, or not in personalOf, is not written, either.
func TestWhatIsOnlyRegisteredIsNotWritten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event   booking.Event
		evolves bool
		want    string
	}{
		"not in Evolve":     {stranger{At: noon}, false, "Evolve"},
		"not in personalOf": {secretive{At: noon}, true, "personalOf"},
		"everywhere":        {confirmed, false, ""},
	} {
		if err := booking.Reads(tt.event, tt.evolves); tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// source is the package as it is written.
type source struct{ files []*ast.File }

func readSource(t *testing.T) source {
	t.Helper()
	var s source
	set := token.NewFileSet()
	paths, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, file)
	}
	return s
}

// events returns the Go types that have the method of an Event.
func (s source) events() (names []string) {
	for _, file := range s.files {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != "Type" || f.Recv == nil {
				continue
			}
			if receiver, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
				names = append(names, receiver.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// cases returns the types that the type switches of functions know.
func (s source) cases(functions ...string) (names []string) {
	for _, file := range s.files {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && slices.Contains(functions, f.Name.Name) {
				ast.Inspect(f, func(n ast.Node) bool {
					if c, ok := n.(*ast.CaseClause); ok {
						names = append(names, typeNames(c.List)...)
					}
					return true
				})
			}
		}
	}
	slices.Sort(names)
	return names
}

func typeNames(list []ast.Expr) (names []string) {
	for _, e := range list {
		if pointer, ok := e.(*ast.StarExpr); ok {
			e = pointer.X
		}
		if name, ok := e.(*ast.Ident); ok && ast.IsExported(name.Name) {
			names = append(names, name.Name)
		}
	}
	return names
}

// withPartApart returns the struct types that have a field which is not in their JSON.
func (s source) withPartApart() (names []string) {
	for _, file := range s.files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			body, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range body.Fields.List {
				if field.Tag != nil && reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json") == "-" {
					names = append(names, spec.Name.Name)
				}
			}
			return true
		})
	}
	slices.Sort(names)
	return names
}

// A new type of event needs a line in the registry, in Evolve, in the golden file, and in
// personalOf if it has personal data. The list of types comes from the source.
func TestEveryTypeOfEventIsKnownEverywhere(t *testing.T) {
	t.Parallel()
	src := readSource(t)
	want := src.events()
	if len(want) < 20 {
		t.Fatalf("only %d types of events were found: %v", len(want), want)
	}
	var registered, golden []string
	for _, e := range booking.All() {
		registered = append(registered, reflect.TypeOf(e).Name())
	}
	for _, e := range oneOfEach(t) {
		golden = append(golden, reflect.TypeOf(e).Name())
	}
	for where, got := range map[string][]string{
		"the registry": registered, "Evolve": src.cases("Evolve", "evolve", "evolveRefund"), "the golden file": golden,
	} {
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s does not know the same events (-source +known):\n%s", where, diff)
		}
	}
	if diff := cmp.Diff(src.withPartApart(), src.cases("personalOf")); diff != "" {
		t.Errorf("personalOf does not know the same types (-have a part apart +known):\n%s", diff)
	}
	for _, e := range booking.All() {
		if got, want := e.Type(), reflect.TypeOf(e).Name(); got != want {
			t.Errorf("%s is stored as %q", want, got)
		}
	}
}
