package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/agent/transform"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/peer"
	"github.com/auditship/auditship/exporter/report"
)

// Options say what to compare. Client, From and Found are needed.
type Options struct {
	Client  *exporter.Client
	Version string // for documents that are repaired
	// Input is the id of the input of type api whose gateway is compared. Default:
	// the first one of each gateway.
	Input event.InputID
	From  time.Time // the first instant that counts
	To    time.Time // the first that does not any more; zero: ten minutes ago
	// Repair sends the documents that are missing.
	Repair bool
	// Expired counts records as missing, and repairs them, although they are older
	// than retention: their documents are then kept for another retention.
	Expired bool
	// Found takes each difference when it is certain; its error ends Run.
	Found func(Difference) error
	// Progress, if set, is told after each window up to when the gateway was
	// compared.
	Progress func(Summary)

	adjust func(*apisource.ClientConfig) // for tests
}

const (
	// onItsWay is how recent a record may be and not be in Elasticsearch yet, where
	// nothing else is asked for.
	onItsWay = 10 * time.Minute
	// tries is how often a request is made before its error is believed: for about
	// a minute. The very first ones are not tried that long, because somebody who
	// mistyped the address waits.
	tries      = 8
	firstTries = 2
	nameTries  = 3
)

// Run compares one gateway after the other. The summaries are of those that were
// begun, also where it returns an error.
func Run(ctx context.Context, cfg *config.Config, o Options) ([]Summary, error) {
	inputs, err := choose(cfg, o.Input)
	if err != nil {
		return nil, err
	}
	if o.To.IsZero() {
		o.To = time.Now().Add(-onItsWay)
	}
	// Elasticsearch keeps milliseconds.
	o.From, o.To = ceil(o.From), ceil(o.To)
	var all []Summary
	for _, in := range inputs {
		c, err := newComparison(cfg, in, o)
		if err != nil {
			return all, fmt.Errorf("input %s: %w", in.ID, err)
		}
		err = c.run(ctx)
		all = append(all, c.summary)
		if err != nil {
			return all, fmt.Errorf("gateway %s: %w", in.Gateway, err)
		}
	}
	return all, nil
}

// ceil is the first millisecond that is not before t.
func ceil(t time.Time) time.Time { return t.Add(time.Millisecond - 1).Truncate(time.Millisecond) }

// ErrNoInput: the configuration has no such input of type api.
var ErrNoInput = errors.New("nothing to compare with")

// choose gives the inputs to compare.
func choose(cfg *config.Config, id event.InputID) ([]config.Input, error) {
	var chosen []config.Input
	for _, in := range cfg.Inputs {
		known := slices.ContainsFunc(chosen, func(c config.Input) bool { return c.Gateway == in.Gateway })
		if in.API != nil && (id == in.ID || id == "" && !known) {
			chosen = append(chosen, in)
		}
	}
	switch {
	case len(chosen) > 0:
		return chosen, nil
	case id != "":
		return nil, fmt.Errorf("%w: the configuration has no input %q of type api", ErrNoInput, id)
	}
	return nil, fmt.Errorf("%w: the configuration has no input of type api, and a file is no witness of its own records", ErrNoInput)
}

// comparison is the comparison of one gateway under way.
type comparison struct {
	o         Options
	summary   Summary
	first     apisource.ClientConfig // to see whether the gateway is there
	client    *apisource.Client
	reader    *apisource.Reader
	converter *transform.Converter
	sender    *bulk.Sender
	query     report.Query
	masked    []bool // of each of the fields
	giveUp    context.CancelCauseFunc

	expired int64               // records before are older than retention, in milliseconds
	oldest  int64               // that the gateway still has, in milliseconds; 0: unknown
	window  map[event.ID]*entry // of the gateway, by _id
	suspect map[string]Difference
	moved   map[string]bool // ids of documents that were found under another time
	held    []Difference    // unexpected, until it is known what moved
}

func newComparison(cfg *config.Config, in config.Input, o Options) (*comparison, error) {
	converter, err := transform.NewConverter(cfg, in, o.Version)
	if err != nil {
		return nil, err
	}
	access, err := input.APIClient(in.API)
	if err != nil {
		return nil, err
	}
	access.Tries = tries
	if o.adjust != nil {
		o.adjust(&access)
	}
	first := access
	first.Tries = min(access.Tries, firstTries)
	client, err := apisource.NewClient(access)
	if err != nil {
		return nil, err
	}
	c := &comparison{
		o: o, first: first, client: client, reader: apisource.NewReader(client, in.API.PageSize), converter: converter,
		query:  queryFor(cfg, in),
		window: map[event.ID]*entry{}, suspect: map[string]Difference{}, moved: map[string]bool{},
		summary: Summary{Gateway: in.Gateway, Input: in.ID, Stream: cfg.Stream(), From: o.From.UTC(), To: o.To.UTC(), Until: o.From.UTC()},
	}
	es := cfg.Elasticsearch
	c.sender = bulk.New(o.Client, bulk.Config{
		Stream: cfg.Stream(), MaxBytes: int(es.BulkSize), Gzip: es.Compression == "gzip",
		ClockSkew: es.ClockSkew.Duration(), Notify: c.waiting,
	})
	if !o.Expired {
		c.expired = time.Now().Add(-cfg.Retention.Duration()).UnixMilli()
	}
	c.divideFields()
	return c, nil
}

// queryFor finds the documents of an input's gateway.
func queryFor(cfg *config.Config, in config.Input) report.Query {
	q := report.Query{Namespace: cfg.Elasticsearch.Namespace, Observers: []string{cfg.ObserverName(in)}}
	if cfg.Observer.Name == "" {
		return q
	}
	// The observer is no gateway's own name: the inputs tell.
	for _, other := range cfg.Inputs {
		if other.Gateway == in.Gateway {
			q.Tags = append(q.Tags, string(other.ID))
		}
	}
	if len(q.Tags) == len(cfg.Inputs) {
		q.Tags = nil
	}
	return q
}

// divideFields says which fields are compared.
func (c *comparison) divideFields() {
	c.summary.Compared, c.summary.Masked = []string{}, []string{}
	for _, f := range fields {
		masked := c.converter.Masks(f.from...)
		c.masked = append(c.masked, masked)
		if masked {
			c.summary.Masked = append(c.summary.Masked, f.name)
		} else {
			c.summary.Compared = append(c.summary.Compared, f.name)
		}
	}
}

// waiting takes what the sender says of Elasticsearch. Somebody waits for the answer,
// so what does not pass by itself ends the comparison.
func (c *comparison) waiting(condition bulk.Condition) {
	switch {
	case !condition.Waiting:
	case condition.Reason == bulk.ReasonUnreachable:
		c.giveUp(fmt.Errorf("elasticsearch %w: %s", peer.ErrUnreachable, condition.Detail))
	case condition.Reason.Lasting():
		c.giveUp(fmt.Errorf("elasticsearch takes no documents: %s: %s", condition.Reason, condition.Detail))
	}
}

// run compares the period.
func (c *comparison) run(ctx context.Context) error {
	defer c.client.Close()
	ctx, c.giveUp = context.WithCancelCause(ctx)
	defer c.giveUp(nil)
	err := c.compare(ctx)
	if err == nil {
		err = c.placeHeld(ctx)
	}
	// What is held is certain enough to be told with an error too.
	err = errors.Join(err, c.tellHeld())
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		return cause
	}
	return err
}

// greet sees whether the gateway is there and has anything to compare with.
func (c *comparison) greet(ctx context.Context) error {
	client, err := apisource.NewClient(c.first)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = apisource.NewReader(client, 1).Probe(ctx)
	if errors.Is(err, apisource.ErrNoRecords) {
		return fmt.Errorf("%w: nothing to compare with", err)
	}
	return err
}

func (c *comparison) compare(ctx context.Context) error {
	if err := c.greet(ctx); err != nil {
		return err
	}
	_, err := c.reader.Probe(ctx)
	if err != nil {
		return err
	}
	if c.oldest, err = c.reader.Oldest(ctx); err != nil {
		return err
	}
	if c.o.Repair {
		c.learnNames(ctx)
	}
	if err := c.waitForRefresh(ctx); err != nil {
		return err
	}
	from, to := c.o.From.UnixMilli(), c.o.To.UnixMilli()
	err = c.reader.Walk(ctx, from, to, c.collect, func(begin int64, w apisource.Window) error {
		err := c.finish(ctx, max(begin, from), min(w.Reached, to))
		if err == nil && c.o.Progress != nil {
			c.o.Progress(c.summary)
		}
		return err
	})
	if until := c.summary.Until.UnixMilli(); err == nil && until < to {
		// The gateway's clock is not there yet, so there can be documents only.
		err = c.finish(ctx, until, to)
	}
	return err
}

// learnNames asks for the display names of event types. Without them repaired documents
// have the types, as the agent's have.
func (c *comparison) learnNames(ctx context.Context) {
	for range nameTries {
		if c.converter.Names.Fetch(ctx, c.client) {
			return
		}
	}
}
