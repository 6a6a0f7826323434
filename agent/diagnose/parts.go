package diagnose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"time"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/agent/mask"
	"github.com/auditship/auditship/exporter/deadletter"
)

// Collect gives the parts of an agent with this configuration. check gives the text of
// check --online, version the build's line.
// page gives a page of the running agent.
func Collect(ctx context.Context, cfg *config.Config, rules *mask.Rules, version string, check func() ([]byte, error), page func(path string) ([]byte, error)) []Part {
	return []Part{
		{"version", "the build and the platform", func() ([]byte, error) { return []byte(version + "\n"), nil }},
		{"auditship.yml", "the configuration in use, *** for secrets", cfg.Redacted},
		{"check", "what check --online says", check},
		{"readyz.json", "what the running agent waits for and owes", func() ([]byte, error) { return page("/readyz") }},
		{"metrics", "the metrics of the running agent", func() ([]byte, error) { return page("/metrics") }},
		{"state", "saved positions", func() ([]byte, error) { return state(cfg) }},
		{"dead-letters", "reasons of dead letters, without the letters", func() ([]byte, error) { return letters(cfg.DeadLetter.Path) }},
		{"log", "the service's last log lines, masked", func() ([]byte, error) { return journal(ctx, rules) }},
	}
}

// patience bounds what is asked of others.
const patience = 10 * time.Second

// state lists the saved positions, as the command state does.
func state(cfg *config.Config) ([]byte, error) {
	entries, err := checkpoint.Read(cfg.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return []byte("nothing was delivered yet\n"), nil
	}
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	owed, entries := checkpoint.Owed(entries)
	for _, e := range entries {
		fmt.Fprintf(&b, "%s  %s  %s\n", e.Stream, e.Saved.UTC().Format(time.RFC3339), input.Describe(cfg.Inputs, e.Stream, e.Position))
	}
	for _, d := range owed {
		fmt.Fprintf(&b, "owed: %s  %s  since %s  %s\n", d.Input, d.Kind, d.Since.UTC().Format(time.RFC3339), d.Reason)
	}
	return b.Bytes(), nil
}

// letters counts the dead letters by their reason.
func letters(path string) ([]byte, error) {
	r, err := deadletter.Read(path)
	if err != nil {
		return nil, err
	}
	s, err := deadletter.Summarize(r)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "damaged lines: %d\n", s.Damaged)
	for _, g := range s.Groups {
		fmt.Fprintf(&b, "%d  %s  %s  %s  from %s to %s\n", g.Letters, g.Reason, g.ErrorType, g.Field,
			g.Oldest.UTC().Format(time.RFC3339), g.Newest.UTC().Format(time.RFC3339))
	}
	return b.Bytes(), nil
}

// journal reads the service's log of the last day where there is systemd.
func journal(ctx context.Context, rules *mask.Rules) ([]byte, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("there is no systemd here: add the agent's log by hand")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "journalctl", "--unit", "auditship", "--lines", "2000", "--output", "cat", "--no-pager").Output()
	if err != nil {
		return nil, fmt.Errorf("journalctl: %w; add the agent's log by hand", err)
	}
	return masked(rules, out), nil
}

// masked runs each line of a log through the masking rules.
func masked(rules *mask.Rules, log []byte) []byte {
	masker := rules.NewMasker()
	var b bytes.Buffer
	for line := range bytes.Lines(log) {
		b.Write(masker.MaskText(bytes.TrimRight(line, "\n")))
		b.WriteByte('\n')
	}
	return b.Bytes()
}
