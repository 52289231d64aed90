package localstack

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// publishedImage is the image that the SAM CLI runs functions in, for an architecture.
func publishedImage(arch string) string {
	return "public.ecr.aws/lambda/provided:al2023-" + arch
}

// standIn is the image that takes its place where it cannot be had. SAM derives another
// from it, under the same name.
const (
	standIn    = "hailstone/lambda-stand-in"
	standInTag = standIn + ":latest"
)

// pullTimeout covers 40 MB on a slow line.
const pullTimeout = 5 * time.Minute

// baseImage sees to it that the engine has an image to run functions in: the published
// one, or, where no registry can be reached, one made of this machine's own shell, which is enough
// for a program that needs nothing. It returns what to tell the SAM CLI.
func (d docker) baseImage(ctx context.Context, arch string, steps *Steps) (args []string, err error) {
	published := publishedImage(arch)
	if d.hasImage(ctx, published) {
		return []string{"--skip-pull-image"}, nil
	}
	pullErr := steps.Do("pull "+published, func() error { return d.pull(ctx, published) })
	switch {
	case pullErr == nil:
		return []string{"--skip-pull-image"}, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case runtime.GOOS != "linux":
		return nil, fmt.Errorf("no image to run functions in: %w", pullErr)
	}
	steps.Print("%v\nA stand-in is made of this machine's shell.\n", pullErr)
	return []string{"--skip-pull-image", "--invoke-image", standInTag}, d.importStandIn(ctx)
}

func (d docker) pull(ctx context.Context, image string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pullTimeout, fmt.Errorf("not there after %s", pullTimeout))
	defer cancel()
	_, err := d.run(ctx, nil, "pull", "--quiet", image)
	return err
}

func (d docker) importStandIn(ctx context.Context) error {
	var image bytes.Buffer
	if err := writeStandIn(ctx, &image); err != nil {
		return fmt.Errorf("make %s: %w", standInTag, err)
	}
	_, err := d.run(ctx, &image, "import", "-", standInTag)
	return err
}

// removeStandIn removes the stand-in, after what SAM derived from it.
func (d docker) removeStandIn(ctx context.Context) error {
	listed, err := d.run(ctx, nil, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", standIn)
	if err != nil || listed == "" {
		return err
	}
	images := slices.DeleteFunc(strings.Fields(listed), func(image string) bool { return image == standInTag })
	_, err = d.run(ctx, nil, append([]string{"image", "rm", "--force"}, append(images, standInTag)...)...)
	return err
}

// standInPrograms are what the derived image is built with: `RUN mv … && chmod …`.
var standInPrograms = []string{"/bin/sh", "/bin/mv", "/bin/chmod"}

// standInScripts are what Lambda's image starts a function by. SAM brings the runtime
// interface emulator.
var standInScripts = map[string]string{
	"/lambda-entrypoint.sh":  "#!/bin/sh\nexec /var/rapid/aws-lambda-rie /var/runtime/bootstrap\n",
	"/var/runtime/bootstrap": "#!/bin/sh\nexec /var/task/bootstrap\n",
}

var standInDirectories = []string{"/tmp", "/var/rapid", "/var/task"}

// writeStandIn writes the root file system as a tar archive.
func writeStandIn(ctx context.Context, out io.Writer) error {
	files, err := withLibraries(ctx, standInPrograms)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(out)
	for _, dir := range standInDirectories {
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "." + dir + "/", Mode: 0o777}); err != nil {
			return err
		}
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := addProgram(archive, file, content); err != nil {
			return err
		}
	}
	for file, content := range standInScripts {
		if err := addProgram(archive, file, []byte(content)); err != nil {
			return err
		}
	}
	return archive.Close()
}

func addProgram(archive *tar.Writer, file string, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: "." + path.Clean(file), Mode: 0o755, Size: int64(len(content))}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}

// loaded is a file that ldd says a program is loaded with.
var loaded = regexp.MustCompile(`(?m)(/\S+) \(0x[0-9a-f]+\)$`)

// withLibraries returns the programs and the shared libraries that they are loaded with, sorted.
func withLibraries(ctx context.Context, programs []string) ([]string, error) {
	files := slices.Clone(programs)
	for _, program := range programs {
		out, err := exec.CommandContext(ctx, "ldd", program).Output()
		if err != nil {
			return nil, fmt.Errorf("ldd %s: %w", program, err)
		}
		for _, match := range loaded.FindAllSubmatch(out, -1) {
			files = append(files, string(match[1]))
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}
