package localstack

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"
)

func TestTheImageIsTheOneThatCanBeHad(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		want   []string
	}{
		"there":        {"", []string{"--skip-pull-image"}},
		"to be had":    {`[ "$1" = pull ]`, []string{"--skip-pull-image"}},
		"out of sight": {`[ "$1" = import ] && cat >$calls`, []string{"--skip-pull-image", "--invoke-image", "hailstone/lambda-stand-in:latest"}},
	} {
		t.Run(name, func(t *testing.T) {
			fakeDocker(t, test.script)
			var shown bytes.Buffer
			steps := NewSteps(&shown, 0, time.Now)
			defer steps.Close()
			got, err := docker{}.baseImage(t.Context(), "x86_64", steps)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v, want %v\n%s", got, err, test.want, shown.String())
			}
		})
	}
}

// All that the image needs is in it: the shell, what it loads, and the scripts that start a function.
func TestTheStandInIsComplete(t *testing.T) {
	t.Parallel()
	var image bytes.Buffer
	if err := writeStandIn(t.Context(), &image); err != nil {
		t.Fatal(err)
	}
	var names []string
	archive := tar.NewReader(&image)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if header.Typeflag == tar.TypeReg && header.Mode != 0o755 {
			t.Errorf("%s cannot be run: %o", header.Name, header.Mode)
		}
	}
	for _, want := range []string{"./bin/sh", "./bin/mv", "./bin/chmod", "./lambda-entrypoint.sh", "./var/runtime/bootstrap", "./var/task/", "./var/rapid/", "./tmp/"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing in %v", want, names)
		}
	}
	if len(names) < 10 {
		t.Errorf("the libraries are missing in %v", names)
	}
}
