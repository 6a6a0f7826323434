package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// program runs the auditship program with the demo's configuration.
type program struct {
	path   string // of the binary
	dir    string // of the demo
	listen string // the agent's HTTP address
}

// command makes one call of the program.
func (p program) command(ctx context.Context, args ...string) *exec.Cmd {
	args = append(args[:1:1], append([]string{"-c", filepath.Join(p.dir, "auditship.yml")}, args[1:]...)...)
	return exec.CommandContext(ctx, p.path, args...)
}

// call runs a command to its end, showing what it prints.
func (p program) call(ctx context.Context, out io.Writer, env []string, args ...string) error {
	cmd := p.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("auditship %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// agent is a running agent.
type agent struct {
	cmd *exec.Cmd
	log *os.File
}

// start starts the agent; its log is appended to agent.log.
func (p program) start(ctx context.Context) (*agent, error) {
	log, err := os.OpenFile(filepath.Join(p.dir, "agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := p.command(ctx, "run")
	cmd.Stderr = log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the agent: %w", err), log.Close())
	}
	return &agent{cmd, log}, nil
}

// kill ends the agent as a power cut would.
func (a *agent) kill() error {
	if err := a.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill the agent: %w", err)
	}
	_ = a.cmd.Wait() // says that it was killed
	return a.log.Close()
}

// stop ends the agent in order.
func (a *agent) stop() error {
	err := a.cmd.Process.Signal(syscall.SIGTERM)
	return errors.Join(err, a.cmd.Wait(), a.log.Close())
}

// ledger reads the ledger that the agent wrote to its log when it stopped, one entry
// an input.
func (p program) ledger() ([]map[string]any, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, "agent.log"))
	if err != nil {
		return nil, err
	}
	var entries []map[string]any
	for line := range strings.Lines(string(text)) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["message"] == "ledger" {
			entries = append(entries, entry)
		}
	}
	if len(entries) == 0 {
		return nil, errors.New("the agent's log has no ledger")
	}
	return entries, nil
}

// indexed asks the agent how many records it has indexed.
func (p program) indexed(ctx context.Context) (int, error) {
	return p.metric(ctx, "auditship_records_total{", `verdict="indexed"`)
}

// settled reports whether each of the agent's inputs has read so many records, and
// every one has its verdict.
func (p program) settled(ctx context.Context, records int) (bool, error) {
	read, err := p.metric(ctx, "auditship_records_read_total{", `input="gateway-api"`)
	if err != nil || read < records {
		return false, err
	}
	flying, err := p.metric(ctx, "auditship_records_in_flight{", "")
	return flying == 0, err
}

// metric adds up the samples of a metric that have a label.
func (p program) metric(ctx context.Context, name, label string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.listen+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }() // read only
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	total := 0
	for line := range strings.Lines(string(text)) {
		sample, value, ok := strings.Cut(line, "} ")
		if !ok || !strings.HasPrefix(sample, name) || !strings.Contains(sample, label) {
			continue
		}
		var n float64
		if _, err := fmt.Sscan(value, &n); err != nil {
			return 0, err
		}
		total += int(n)
	}
	return total, nil
}

// waitFor asks again and again until done, for at most a minute.
func waitFor(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var last error
	for {
		ok, err := done()
		if ok {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited in vain for %s", what), last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
