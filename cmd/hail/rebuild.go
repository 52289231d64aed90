package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/hailstone-rides/hailstone/internal/readmodel/rebuild"
)

type rebuildCommand struct {
	Start  rebuildStartCommand  `cmd:"" help:"Make all views anew from the log, while those that are there go on serving."`
	Status rebuildStatusCommand `cmd:"" help:"Show how far the rebuild is, or what came of the last one."`
	Switch rebuildSwitchCommand `cmd:"" help:"Let a rebuild that was started with --hold switch to the new views."`
	Abort  rebuildAbortCommand  `cmd:"" help:"Give a rebuild up that has not switched yet. The views that serve stay."`
}

// Help explains what the one-line help leaves open.
func (rebuildCommand) Help() string {
	return `A rebuild fills a new projection from the log beside the one that is read, checks it, and only then
has it read; the old one is dropped when nobody can be left who reads it. The sweeper leads it: these
commands only ask and watch, and an interrupted watch stops nothing. It pays nobody and tells nobody.`
}

type rebuildStartCommand struct {
	stackFlag
	planFlags
	Hold   bool `help:"Wait for hail rebuild switch once the new views are made and checked."`
	Detach bool `help:"Do not wait for the end."`
}

func (c rebuildStartCommand) Run(a *app) error {
	w, err := c.walks(a)
	if err != nil {
		return err
	}
	if err := rebuild.Start(a.ctx, w.control, a.now().UTC(), c.plan(), c.Hold); err != nil {
		return err
	}
	if c.Detach {
		return w.showRebuild()
	}
	state, err := w.watch(func(s rebuild.State) bool {
		return s.Rebuild == nil || s.Rebuild.Phase == rebuild.Done || s.Rebuild.Phase == rebuild.Held || s.Rebuild.Phase == rebuild.Refused
	})
	if err != nil {
		return err
	}
	if err := w.showRebuild(); err != nil {
		return err
	}
	if state.Rebuild == nil || state.Rebuild.Aborted || state.Rebuild.Phase == rebuild.Refused {
		return errReported
	}
	return nil
}

type rebuildStatusCommand struct {
	stackFlag
	Watch bool `help:"Show it until it is over."`
}

func (c rebuildStatusCommand) Run(a *app) error {
	w, err := c.walks(a)
	if err != nil {
		return err
	}
	if c.Watch {
		if _, err := w.watch(func(s rebuild.State) bool { return s.Over() }); err != nil {
			return err
		}
	}
	return w.showRebuild()
}

type rebuildSwitchCommand struct{ stackFlag }

func (c rebuildSwitchCommand) Run(a *app) error {
	w, err := c.walks(a)
	if err != nil {
		return err
	}
	if err := rebuild.Switch(a.ctx, w.control); err != nil {
		return err
	}
	return w.showRebuild()
}

type rebuildAbortCommand struct{ stackFlag }

func (c rebuildAbortCommand) Run(a *app) error {
	w, err := c.walks(a)
	if err != nil {
		return err
	}
	if err := rebuild.Abort(a.ctx, w.control, a.now().UTC()); err != nil {
		return err
	}
	return w.showRebuild()
}

// showRebuild prints the rebuild under way, or the last one.
func (w walks) showRebuild() error {
	state, _, err := rebuild.ReadState(w.ctx, w.control)
	if err != nil {
		return err
	}
	if w.json {
		return w.printJSON(state)
	}
	progress, err := w.progress(w.ctx, state)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(w.stdout, rebuildText(state, progress))
	return err
}

func rebuildText(s rebuild.State, progress string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Projection %d is read", s.Active)
	if s.Feeding != 0 {
		fmt.Fprintf(&out, ", %d is fed, too", s.Feeding)
	}
	out.WriteString(".\n")
	r := s.Rebuild
	if r == nil {
		out.WriteString("There was no rebuild yet.\n")
		return out.String()
	}
	switch {
	case r.Phase != rebuild.Done:
		fmt.Fprintf(&out, "%s, since %s\n", progress, r.Since.Format(time.RFC3339))
	case r.Aborted:
		fmt.Fprintf(&out, "The rebuild of projection %d was given up at %s.\n", r.Target, r.Since.Format(time.RFC3339))
	default:
		fmt.Fprintf(&out, "Projection %d was made in %s: %d bookings, %d commits.\n", r.Target, r.Ended.Sub(r.Began).Round(time.Second), r.Built.Streams, r.Built.Commits)
	}
	if r.Phase == rebuild.Held {
		out.WriteString("It is right. hail rebuild switch has it read, hail rebuild abort drops it.\n")
	}
	if r.Phase == rebuild.Refused {
		fmt.Fprintf(&out, "It kept differing from the log and will not be read. hail rebuild abort drops it.\n%s", findingsText(r.Findings))
	}
	return out.String()
}
