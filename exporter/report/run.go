package report

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

// Format is how records are written.
type Format string

// The formats. With details, JSON and NDJSON hold the whole document as it is
// indexed; otherwise an object with the columns' names as keys, null where a
// record has no such value.
const (
	CSV    Format = "csv"    // RFC 4180 with \n, UTF-8, a heading; objects as JSON text
	JSON   Format = "json"   // one array, one record a line
	NDJSON Format = "ndjson" // one record a line
	Table  Format = "table"  // for people: aligned columns; with details a block for each record
)

// Formats are all formats.
func Formats() []Format { return []Format{CSV, JSON, NDJSON, Table} }

// Order is the order of the records, by their time.
type Order string

// The orders, in Elasticsearch's words.
const (
	NewestFirst Order = "desc"
	OldestFirst Order = "asc"
)

// Options say how the records are written. The zero value is CSV with the
// columns of the gateway's page, newest first, times in UTC.
type Options struct {
	Format Format // default CSV
	// Columns are the names or titles of columns, or fields of the document
	// such as http.response.status_code. Default: PageColumns, and with Details
	// DetailColumns.
	Columns []string
	Details bool // the whole record
	Gzip    bool // compress what is written
	// BOM puts a byte order mark before a CSV, by which Excel knows that it is UTF-8.
	BOM bool
	// NoDefuse leaves CSV cells as they are that a spreadsheet would run as a
	// formula. Default: a quote ' is put before them.
	NoDefuse bool
	// Separator is between the cells of a CSV; default a comma.
	Separator rune
	Location  *time.Location // of times in CSV, table and JSON columns; default UTC
	Order     Order          // default NewestFirst
	Limit     int64          // at most so many records; 0: all
	Width     int            // of the terminal, in cells, for Table; 0: no bound

	// Progress, if set, is told after each page how many records are written of
	// how many. It is called by Run's own goroutine.
	Progress func(written, total int64)
	// PageBytes is what a page of the search should be about; a few of them are
	// in memory at once. Default 4 MiB.
	PageBytes int64
	// Backoff is how long to wait before the next try after a failed one. Default:
	// from a quarter of a second, doubling up to ten seconds; it gives up after
	// 20 without progress.
	Backoff peer.Backoff
}

func (o Options) withDefaults() (Options, error) {
	if o.Format == "" {
		o.Format = CSV
	}
	if o.Order == "" {
		o.Order = NewestFirst
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Separator == 0 {
		o.Separator = ','
	}
	if o.PageBytes == 0 {
		o.PageBytes = 4 << 20
	}
	o.Backoff = o.Backoff.Or(defaultBackoff)
	switch {
	case o.Order != NewestFirst && o.Order != OldestFirst:
		return o, misused("order %q: must be asc or desc", o.Order)
	case o.BOM && o.Format != CSV:
		return o, misused("a byte order mark is for CSV, not for %s", o.Format)
	case o.Limit < 0:
		return o, misused("limit %d: must not be negative", o.Limit)
	}
	return o, nil
}

// Summary is what a finished report says about itself.
type Summary struct {
	Rows   int64  // records written, a heading not counted
	Bytes  int64  // written
	SHA256 string // of all bytes written, in hex
	// Views is how many points in time it took. Where it is more than one, the
	// report holds every record of the first, and may hold some that were
	// indexed while it was being written.
	Views int
	// LongCells are cells of a CSV with more characters than a spreadsheet takes
	// (ExcelCell); it would cut them.
	LongCells int64
}

// Run writes the records that q describes to w. It returns when they are
// written and counted, or with an error; what was written until then is not
// complete.
func Run(ctx context.Context, client *exporter.Client, q Query, w io.Writer, opts Options) (Summary, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	if err := q.Validate(); err != nil {
		return Summary{}, err
	}
	columns, err := opts.selectColumns()
	if err != nil {
		return Summary{}, err
	}
	sum := &digest{w: w, hash: sha256.New()}
	out := newOutput(sum, opts.Gzip)
	enc, err := newEncoder(out.Writer, columns, opts)
	if err != nil {
		return Summary{}, err
	}
	p := newPager(client, q, columns, opts)
	defer p.close(ctx)
	rows, err := copyHits(ctx, p, enc, opts.Progress)
	if err != nil {
		return Summary{}, err
	}
	if err := out.close(); err != nil {
		return Summary{}, err
	}
	s := Summary{Rows: rows, Bytes: sum.bytes, SHA256: sum.String(), Views: p.views}
	if csv, ok := enc.(*csvEncoder); ok {
		s.LongCells = csv.long
	}
	return s, nil
}

// output is the buffer before what is written, and what compresses it.
type output struct {
	*bufio.Writer
	gzip *gzip.Writer // nil: as it is
}

func newOutput(w io.Writer, compressed bool) output {
	if !compressed {
		return output{Writer: bufio.NewWriterSize(w, 1<<16)}
	}
	z := gzip.NewWriter(w)
	return output{Writer: bufio.NewWriterSize(z, 1<<16), gzip: z}
}

func (o output) close() error {
	if err := o.Flush(); err != nil || o.gzip == nil {
		return err
	}
	return o.gzip.Close()
}

func newPager(client *exporter.Client, q Query, columns []Column, opts Options) *pager {
	return &pager{
		client: client, query: q, order: opts.Order, limit: opts.Limit,
		source: sourceFilter(columns, opts.Details),
		bytes:  opts.PageBytes, backoff: opts.Backoff, size: firstPageHits,
	}
}

// batch is a page on its way to the encoder.
type batch struct {
	hits  []hit
	total int64
}

// copyHits writes each page while the next one is being fetched.
func copyHits(ctx context.Context, p *pager, enc encoder, progress func(written, total int64)) (int64, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches, fetched := make(chan batch), make(chan error, 1)
	go func() {
		defer close(batches)
		fetched <- fetchAll(ctx, p, batches)
	}()
	rows, err := writeAll(batches, enc, progress)
	if err != nil {
		stop()
	}
	if fault := <-fetched; err == nil {
		err = fault
	}
	if err == nil {
		err = enc.end()
	}
	return rows, err
}

func fetchAll(ctx context.Context, p *pager, batches chan<- batch) error {
	for {
		hits, err := p.next(ctx)
		if err != nil || len(hits) == 0 {
			return err
		}
		select {
		case batches <- batch{hits, p.expected()}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func writeAll(batches <-chan batch, enc encoder, progress func(written, total int64)) (int64, error) {
	rows := int64(0)
	for b := range batches {
		for i := range b.hits {
			if err := enc.record(newRecord(&b.hits[i])); err != nil {
				return rows, err
			}
		}
		rows += int64(len(b.hits))
		if progress != nil {
			progress(rows, b.total)
		}
	}
	return rows, nil
}

// digest counts and hashes what passes through it.
type digest struct {
	w     io.Writer
	hash  hash.Hash
	bytes int64
}

func (d *digest) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	d.bytes += int64(n)
	_, _ = d.hash.Write(p[:n]) // a hash never fails
	if err != nil {
		err = fmt.Errorf("write the report: %w", err)
	}
	return n, err
}

func (d *digest) String() string { return hex.EncodeToString(d.hash.Sum(nil)) }
