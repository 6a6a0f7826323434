package pipeline

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/agent/transform"
	"github.com/auditship/auditship/exporter/deadletter"
)

// DryRunTotals is what a dry run found.
type DryRunTotals struct {
	Read, Documents, Rejected, Dropped int64
	Unreadable                         int64 // files
	// Unsettled is how many of the documents have an _id that Run would not give
	// them: those of records without an id, where no id key can be read yet.
	Unsettled int64
}

// DryRun reads the inputs to their end and writes what Run would send, one
// {"_id":…,"_source":…} a line. It needs no Elasticsearch and writes to no state
// directory. reject gets what would become a dead letter; its error ends the run.
func DryRun(ctx context.Context, cfg *config.Config, o Options, w io.Writer, reject func(deadletter.Letter) error) (DryRunTotals, error) {
	d := dryRun{w: bufio.NewWriterSize(w, 64<<10), reject: reject, counters: transform.NewCounters()}
	key, err := checkpoint.ReadKey(cfg.StateDir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		key, err, d.keyless = make([]byte, 32), nil, cfg.IDKey.IsZero()
		_, _ = rand.Read(key) // never fails, says its documentation
	}
	if err != nil {
		return d.totals, err
	}
	plan, err := transform.NewPlan(cfg, transform.Options{StateKey: key, Version: o.Version, Log: o.Log, EventNames: o.EventNames})
	if err != nil {
		return d.totals, err
	}
	for _, in := range cfg.Inputs {
		if err := d.read(ctx, in, o, plan, key); err != nil {
			return d.totals, errors.Join(fmt.Errorf("input %s: %w", in.ID, err), d.w.Flush())
		}
	}
	return d.totals, d.w.Flush()
}

type dryRun struct {
	w         *bufio.Writer
	reject    func(deadletter.Letter) error
	totals    DryRunTotals
	keyless   bool
	counters  transform.Counters
	transform *transform.Transformer
	made      transform.Result
}

func (d *dryRun) read(ctx context.Context, in config.Input, o Options, plan *transform.Plan, stateKey []byte) error {
	transformers, err := plan.Transformers(in)
	if err != nil {
		return err
	}
	d.transform = transformers()
	built, err := input.Build(in, input.Surroundings{StateKey: stateKey, Once: true, Reader: o.Readers[in.ID], Log: o.Log})
	if err != nil {
		return err
	}
	err = built.Run(ctx, nil, d.emit)
	if built.Progress != nil {
		d.totals.Unreadable += built.Progress().Unreadable
	}
	return err
}

// emit writes the documents of a batch.
func (d *dryRun) emit(_ context.Context, b event.Batch) error {
	s := &d.made
	s.Reset()
	d.transform.Transform(b, s)
	if s.Stop != nil {
		return s.Stop
	}
	if b.Release != nil {
		b.Release()
	}
	d.counters.Identify(s)
	if d.keyless {
		d.totals.Unsettled += int64(s.Anonymous())
	}
	for _, document := range s.Documents {
		if _, err := fmt.Fprintf(d.w, "{\"_id\":%q,\"_source\":%s}\n", document.ID[:], document.Source); err != nil {
			return fmt.Errorf("write the documents: %w", err)
		}
	}
	for _, l := range s.Letters {
		if err := d.reject(l); err != nil {
			return err
		}
		d.totals.Rejected += l.Records()
	}
	d.totals.Read += s.Read
	d.totals.Dropped += s.Dropped
	d.totals.Documents += int64(len(s.Documents))
	return nil
}
