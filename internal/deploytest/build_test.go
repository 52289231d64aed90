package deploytest

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// buildLimit covers a first build that compiles the AWS SDK on a slow machine.
	buildLimit = 8 * time.Minute
	// maxBinary is the budget of a stripped function.
	maxBinary  = 15 << 20
	modulePath = "github.com/hailstone-rides/hailstone/"
)

// goarch says what each value of the parameter Architecture must be compiled for.
var goarch = map[string]string{"arm64": "arm64", "x86_64": "amd64"}

// The real `sam build`, in a copy of the project: what it makes of every function, and
// that neither its cache nor ours leaves an old binary behind when shared code changes.
func TestBuildContainsTheCodeItWasGiven(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	copyProject(t, tree.dir)
	architecture := hostArchitecture(t)

	first := tree.build(t, architecture)
	for function, binary := range first {
		t.Run(function, func(t *testing.T) { checkBinary(t, binary, goarch[architecture]) })
	}

	const marker = "hailstone build test: this code is newer"
	shared := tree.sharedSource(t, first)
	original := read(t, shared)
	write(t, shared, slices.Concat(original, []byte("\nfunc init() { println(\""+marker+"\") }\n")))
	for function, binary := range tree.build(t, architecture) {
		if !bytes.Contains(binary, []byte(marker)) {
			t.Errorf("%s: built after %s was changed, it does not contain the change", function, shared)
		}
	}

	write(t, shared, original)
	for function, binary := range tree.build(t, architecture) {
		if !bytes.Equal(binary, first[function]) {
			t.Errorf("%s: the same source gave other bytes", function)
		}
	}
}

// Whatever Architecture says is what the functions are compiled for, however the caller's environment is set. The
// functions are replaced by empty ones: only the way to the compiler is of interest, not the time that it takes.
func TestArchitectureDecidesWhatTheCompilerTargets(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	for _, file := range []string{"template.yaml", "samconfig.toml", "go.mod", "go.sum", "build"} {
		copyInto(t, tree.dir, file)
	}
	for _, function := range load(t).functions() {
		dir := filepath.Join(tree.dir, "functions", source(function))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"))
	}
	allowed := names(dig(t, load(t).parameters, "Architecture", "AllowedValues"))
	if len(allowed) != len(goarch) {
		t.Errorf("Architecture allows %v, this test knows %v", allowed, goarch)
	}
	for _, architecture := range allowed {
		for function, binary := range tree.build(t, architecture) {
			if got := setting(t, binary, "GOARCH"); got != goarch[architecture] {
				t.Errorf("%s: Architecture=%s was compiled for %s", function, architecture, got)
			}
		}
	}
}

func checkBinary(t *testing.T, binary []byte, arch string) {
	t.Helper()
	for key, want := range map[string]string{
		"GOOS": "linux", "GOARCH": arch, "CGO_ENABLED": "0", "-tags": "lambda.norpc", "-trimpath": "true", "vcs.revision": "",
	} {
		if got := setting(t, binary, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	// -trimpath keeps -ldflags out of the build information; -s and -w show in what is missing.
	file, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{".symtab", ".debug_info", ".zdebug_info"} {
		if file.Section(section) != nil {
			t.Errorf("it has a section %s: not stripped", section)
		}
	}
	if len(binary) > maxBinary {
		t.Errorf("%.1f MB, want at most %d", float64(len(binary))/(1<<20), maxBinary>>20)
	}
	t.Logf("%.1f MB", float64(len(binary))/(1<<20))
}

// source is the directory under functions/ of a logical id, by the rule of build/function.mk.
func source(function string) string {
	return strings.ToLower(strings.TrimSuffix(function, "Function"))
}

func hostArchitecture(t *testing.T) string {
	t.Helper()
	for architecture, arch := range goarch {
		if arch == runtime.GOARCH {
			return architecture
		}
	}
	t.Fatalf("Lambda has no %s", runtime.GOARCH)
	return ""
}

func setting(t *testing.T, binary []byte, key string) string {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
