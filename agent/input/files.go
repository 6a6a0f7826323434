package input

import (
	"context"
	"time"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/unwrap"
	"github.com/auditship/auditship/agent/health"
)

// files is the type of input that reads files.
type files struct{}

func (files) build(in config.Input, s Surroundings) (Built, error) {
	c := filesConfig(in)
	c.Key, c.Once, c.Resumed, c.Forget, c.Reader, c.Log = s.StateKey, s.Once, s.Resumed, s.Forget, s.Reader, s.Log
	if s.Inputs != nil {
		c.ReachedEnd, c.Owe = s.follow(in.ID, max(c.PollInterval, c.ScanInterval))
	}
	if !s.Once {
		c.Room = s.Room
	}
	c.MaxOpen = filesource.MaxOpen(s.FileInputs)
	source := filesource.New(c)
	stats := source.Stats()
	exportFiles(s.Metrics, in.ID, stats)
	b := Built{Source: source, Hangs: source.Hangs, Waits: true, Progress: func() Progress {
		return Progress{
			Done: stats.DoneBytes.Load(), Size: stats.SizeBytes.Load(),
			Resumed: stats.ResumedBytes.Load(), Unreadable: stats.Errors.Load(),
		}
	}}
	if s.Names != nil {
		b.Source = afterNames{source, s.Names}
	}
	return b, nil
}

// formatOf is what the configuration says of how files are written. Parse has checked
// both names.
func formatOf(f *config.FileInput) (*charset.Charset, unwrap.Kind) {
	var encoding *charset.Charset
	if f.Encoding != "" {
		encoding, _ = charset.Lookup(f.Encoding)
	}
	if f.Unwrap == "auto" {
		return encoding, ""
	}
	return encoding, unwrap.Kind(f.Unwrap)
}

func filesConfig(in config.Input) filesource.Config {
	encoding, wrap := formatOf(in.File)
	return filesource.Config{
		Encoding: encoding, Unwrap: wrap, Rename: in.Rename,
		Input: in.ID, Gateway: in.Gateway, Paths: in.File.Paths, Exclude: in.File.Exclude,
		FollowSymlinks: in.File.FollowSymlinks, SymlinkRoots: in.File.SymlinkRoots,
		MaxRecord:    int64(in.File.MaxRecord),
		PollInterval: time.Duration(in.File.PollInterval), ScanInterval: time.Duration(in.File.ScanInterval),
		CloseInactive: time.Duration(in.File.CloseInactive),
	}
}

func (files) check(ctx context.Context, in config.Input, _ []event.Saved) (findings []Finding) {
	reach, err := filesource.Look(ctx, filesConfig(in).Where())
	if err != nil {
		findings = append(findings, Finding{
			What: "files cannot be read", Failed: true,
			Advice: err.Error() + "\nThe agent's user needs to read them, and to look into their folders.",
		})
	}
	for _, refused := range reach.Passed {
		findings = append(findings, Finding{What: refused.Error(), Warning: true, Advice: "It is passed over."})
	}
	for _, glob := range reach.Nothing {
		findings = append(findings, Finding{
			What: "nothing to read at " + glob.Glob + ": " + glob.Why, Warning: true,
			Advice: "Until a file is there, nothing is read of it and the agent does not call itself ready.",
		})
	}
	if err == nil && reach.Files > 0 {
		findings = append(findings, Finding{What: "the files that are there can be read"})
	}
	return findings
}

func (files) describe(position []byte) (string, error) { return filesource.Describe(position) }

func exportFiles(m *health.Metrics, input event.InputID, s *filesource.Stats) {
	if m == nil {
		return
	}
	labels := health.Labels{"input": string(input)}
	m.Gauge("files_followed", "Files that are followed.", labels, func() float64 { return float64(s.Files.Load()) })
	m.Gauge("files_behind_bytes", "Bytes on disk that are not read yet.", labels, func() float64 { return float64(s.BehindBytes.Load()) })
	m.Counter("file_truncations_total", "Files that were truncated or written anew.", labels, s.Truncations.Load)
	m.Counter("file_possibly_lost_bytes_total", "Bytes that were on disk and unread when their file was truncated.", labels, s.PossiblyLost.Load)
	m.Counter("file_errors_total", "Files that could not be read.", labels, s.Errors.Load)
}

// namesPatience bounds how long files wait for the gateway's display names.
const namesPatience = 10 * time.Second

// afterNames begins to read files when the gateway was asked for the display names
// of its event types, so that their documents have them.
type afterNames struct {
	Source
	names *apisource.EventNames
}

func (s afterNames) Run(ctx context.Context, saved []event.Saved, emit func(context.Context, event.Batch) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.names.Tried():
	case <-time.After(namesPatience):
	}
	return s.Source.Run(ctx, saved, emit)
}
