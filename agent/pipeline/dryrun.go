package pipeline

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource"
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

// DryRun reads the file inputs to their end and writes what Run would send, one
// {"_id":…,"_source":…} a line. It needs no Elasticsearch and writes to no state
// directory. reject gets what would become a dead letter; its error ends the run.
func DryRun(ctx context.Context, cfg *config.Config, o Options, w io.Writer, reject func(deadletter.Letter) error) (DryRunTotals, error) {
	d := dryRun{w: bufio.NewWriterSize(w, 64<<10), reject: reject, counters: counters{}}
	key, err := checkpoint.ReadKey(cfg.StateDir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		key, err, d.keyless = make([]byte, 32), nil, cfg.IDKey.IsZero()
		_, _ = rand.Read(key) // never fails, says its documentation
	}
	if err != nil {
		return d.totals, err
	}
	common, err := newShared(cfg, key)
	if err != nil {
		return d.totals, err
	}
	maps.Copy(common.eventNames, o.EventNames)
	for _, in := range cfg.Inputs {
		if err := d.read(ctx, cfg, in, o, common); err != nil {
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
	counters  counters
	transform *transformer
}

func (d *dryRun) read(ctx context.Context, cfg *config.Config, in config.Input, o Options, common shared) error {
	if in.File == nil {
		return errors.New("only files can be read without sending anything")
	}
	transform, err := newTransform(cfg, in, o.Version, common)
	if err != nil {
		return err
	}
	d.transform = transform()
	files, err := filesConfig(in, common)
	if err != nil {
		return err
	}
	files.Once, files.Reader, files.Log = true, o.Readers[in.ID], o.Log
	source := filesource.New(files)
	err = source.Run(ctx, nil, d.emit)
	d.totals.Unreadable += source.Stats().Errors.Load()
	return err
}

// emit writes the documents of a batch.
func (d *dryRun) emit(_ context.Context, b event.Batch) error {
	s := d.transform.transform(b)
	if s.stop != nil {
		return s.stop
	}
	if b.Release != nil {
		b.Release()
	}
	d.counters.identify(s)
	if d.keyless {
		d.totals.Unsettled += int64(len(s.anonymous))
	}
	for _, document := range s.documents {
		if _, err := fmt.Fprintf(d.w, "{\"_id\":%q,\"_source\":%s}\n", document.ID[:], document.Source); err != nil {
			return fmt.Errorf("write the documents: %w", err)
		}
	}
	for _, l := range s.letters {
		if err := d.reject(l); err != nil {
			return err
		}
	}
	d.totals.Read += s.read
	d.totals.Dropped += s.dropped
	d.totals.Documents += int64(len(s.documents))
	d.totals.Rejected += int64(len(s.letters))
	d.transform.shipments.put(s)
	return nil
}
