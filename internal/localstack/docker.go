package localstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// docker runs the docker command line, which knows the user's engine.
type docker struct{}

// dockerTimeout bounds what an engine answers at once if it answers at all.
const dockerTimeout = 30 * time.Second

// run runs a docker command, with what it reads from its standard input, and returns what it prints.
func (docker) run(ctx context.Context, input io.Reader, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("docker %s: %w", args[0], context.Cause(ctx))
		}
		return "", fmt.Errorf("docker %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// check reports in one line when there is no engine to work with.
func (d docker) check(ctx context.Context) error {
	if _, err := exec.LookPath("docker"); err != nil {
		return errors.New("docker is needed and not on the PATH")
	}
	ctx, cancel := context.WithTimeout(ctx, dockerTimeout)
	defer cancel()
	if _, err := d.run(ctx, nil, "version", "--format", "{{.Server.Version}}"); err != nil {
		return fmt.Errorf("no Docker engine answers: start one (%w)", err)
	}
	return nil
}

// host is where containers find this machine, and where a server has to listen for them.
type host struct{ name, listen string }

// seen returns a URL on this machine as containers have to write it.
func (h host) seen(from string) (string, error) {
	at, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	if name := at.Hostname(); name == "localhost" || net.ParseIP(name).IsLoopback() {
		at.Host = net.JoinHostPort(h.name, at.Port())
	}
	return at.String(), nil
}

// desktop is Docker Desktop's way, whose engine runs in a machine of its own.
var desktop = host{name: "host.docker.internal", listen: loopback}

// host returns how containers reach this machine: by its address on the engine's
// bridge, where there is one.
func (d docker) host(ctx context.Context) (host, error) {
	if runtime.GOOS != "linux" {
		return desktop, nil
	}
	name, err := d.run(ctx, nil, "network", "inspect", "bridge", "--format", `{{index .Options "com.docker.network.bridge.name"}}`)
	if err != nil {
		return host{}, err
	}
	bridge, err := net.InterfaceByName(name)
	if err != nil {
		return desktop, nil //nolint:nilerr // the engine's bridge is not on this machine
	}
	addresses, err := bridge.Addrs()
	if err != nil {
		return host{}, fmt.Errorf("addresses of %s: %w", name, err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil {
			return host{name: network.IP.String(), listen: network.IP.String()}, nil
		}
	}
	return host{}, fmt.Errorf("%s has no address that containers could use", name)
}

// hasImage reports whether the engine has the image already.
func (d docker) hasImage(ctx context.Context, image string) bool {
	_, err := d.run(ctx, nil, "image", "inspect", image, "--format", "{{.Id}}")
	return err == nil
}

// removeContainers removes the containers whose ids stand in the SAM CLI's log. SAM does
// so itself when it ends in order.
func (d docker) removeContainers(ctx context.Context, log string) error {
	text, err := os.ReadFile(log)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	const told = "SAM_CONTAINER_ID: "
	for line := range strings.Lines(string(text)) {
		_, id, found := strings.Cut(strings.TrimSpace(line), told)
		if !found {
			continue
		}
		if out, err := d.run(ctx, nil, "ps", "--all", "--quiet", "--filter", "id="+id); err != nil || out == "" {
			continue
		}
		if _, err := d.run(ctx, nil, "rm", "--force", id); err != nil {
			return err
		}
	}
	return nil
}
