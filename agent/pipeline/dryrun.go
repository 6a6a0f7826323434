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
	"github.com/auditship/auditship/agent/filesource"
	"github.com/auditship/auditship/exporter/deadletter"
)

// DryRunTotals is what a dry run found.
type DryRunTotals struct {
	Read, Documents, Rejected, Dropped int64
	// OwnKey says that there is no id key yet: the _id of records without an id
	// will be another one.
	OwnKey bool
}

// DryRun reads the file inputs to their end and writes what Run would send, one
// {"_id":…,"_source":…} a line. It needs no Elasticsearch and writes to no state
// directory. reject gets what would become a dead letter.
func DryRun(ctx context.Context, cfg *config.Config, o Options, w io.Writer, reject func(deadletter.Letter)) (DryRunTotals, error) {
	d := dryRun{w: bufio.NewWriterSize(w, 64<<10), reject: reject, line: Pipeline{counters: map[string]*occurrences{}}}
	key, err := checkpoint.ReadKey(cfg.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		key, err, d.totals.OwnKey = make([]byte, 32), nil, cfg.IDKey.IsZero()
		_, _ = rand.Read(key) // never fails, says its documentation
	}
	if err != nil {
		return d.totals, err
	}
	common, err := newShared(cfg, key)
	if err != nil {
		return d.totals, err
	}
	for _, in := range cfg.Inputs {
		if err := d.read(ctx, cfg, in, o, common); err != nil {
			return d.totals, fmt.Errorf("input %s: %w", in.ID, err)
		}
	}
	return d.totals, d.w.Flush()
}

type dryRun struct {
	w         *bufio.Writer
	reject    func(deadletter.Letter)
	totals    DryRunTotals
	line      Pipeline // counts equal records only
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
	files.Once, files.Reader, files.Log = true, o.Stdin, o.Log
	return filesource.New(files).Run(ctx, nil, d.emit)
}

// emit writes the documents of a batch.
func (d *dryRun) emit(_ context.Context, b event.Batch) error {
	s := d.transform.transform(b)
	if b.Release != nil {
		b.Release()
	}
	d.line.identify(s)
	for _, document := range s.documents {
		if _, err := fmt.Fprintf(d.w, "{\"_id\":%q,\"_source\":%s}\n", document.ID[:], document.Source); err != nil {
			return fmt.Errorf("write the documents: %w", err)
		}
	}
	for _, l := range s.letters {
		d.reject(l)
	}
	d.totals.Read += s.read
	d.totals.Dropped += s.dropped
	d.totals.Documents += int64(len(s.documents))
	d.totals.Rejected += int64(len(s.letters))
	d.transform.shipments.put(s)
	return nil
}
