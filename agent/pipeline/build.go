package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/agent/queue"
	"github.com/auditship/auditship/agent/transform"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/deadletter"
)

// maxTransformers bounds the memory on hosts with many cores. Each makes some 200,000
// documents a second, so a few keep ahead of any Elasticsearch.
const maxTransformers = 4

// Options are what Open needs beside the configuration.
type Options struct {
	Client  *exporter.Client
	Log     zerolog.Logger
	Version string
	// Once reads files to their end and stops there, as import does. Records
	// without an id are then looked for by what they say before they count as new.
	Once bool
	// Beside names a folder in the state directory for the positions, so that an
	// agent may be running; "" is the state directory itself. The id key is
	// shared, and every record counts as one that the agent may have sent. The
	// positions serve to go on after an interruption: those of a run that came
	// to its end are forgotten. Dead letters that are there are not added again.
	Beside string
	// DeadLetter is a file for the dead letters instead of the configured folder.
	DeadLetter string
	// Readers are read by the file inputs of these ids instead of their paths.
	Readers map[event.InputID]io.Reader
	// Needs are privileges of the client. While nothing is sent, Elasticsearch is
	// asked for them, so that the agent is not called ready when it could not
	// deliver. Without any it is not asked.
	Needs exporter.Privileges
	// CheckDestination, if set, looks at what documents will really hit; its error
	// is a condition. It is asked at the start and then every half minute, where
	// there are Needs.
	CheckDestination func(context.Context) error
	// EventNames are the display names of event types by gateway, for gateways
	// of which no input of type api learns them.
	EventNames map[string]*apisource.EventNames
}

// Open makes a pipeline: it locks the state directory, compiles the rules and
// listens on the HTTP address. It sends nothing and starts no goroutine. The caller
// closes it after Run.
func Open(cfg *config.Config, o Options) (*Pipeline, error) {
	store, err := checkpoint.Open(filepath.Join(cfg.StateDir, o.Beside))
	if err != nil {
		return nil, err
	}
	p := &Pipeline{
		log: o.Log, store: store,
		ledger: &health.Ledger{}, readiness: &health.Inputs{}, notices: notices{log: o.Log, conditions: &health.Conditions{}},
		bulkBytes: int64(cfg.Elasticsearch.BulkSize), linger: time.Duration(cfg.Elasticsearch.FlushInterval),
		senders: cfg.Elasticsearch.Workers, transformers: min(runtime.GOMAXPROCS(0), maxTransformers),
		shutdownTimeout: time.Duration(cfg.ShutdownTimeout),
		queue:           queue.New[*shipment](int64(cfg.Queue.Bytes)),
		counters:        transform.NewCounters(), shipments: &shipments{},
	}
	if o.Once {
		p.alike = newAlike()
	}
	p.work, p.order = make(chan *job), make(chan *job, p.transformers)
	p.servers.log = o.Log
	p.letters.notices, p.peer.notices = &p.notices, &p.notices
	p.positions.notices, p.positions.readiness, p.positions.store = &p.notices, p.readiness, store
	p.releases = queue.NewOrder(p.positions.release)
	p.metrics = health.NewMetrics(o.Version, p.ledger, p.notices.conditions, p.readiness)
	if err := p.build(cfg, o); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close gives the state directory, the dead letter and the address back.
func (p *Pipeline) Close() error {
	p.servers.close()
	return errors.Join(p.letters.close(), p.store.Close())
}

// ConfigReloaded says whether the configuration was last read with success.
func (p *Pipeline) ConfigReloaded(ok bool) { p.reloaded.Store(ok) }

// Ledger is the pipeline's account of records.
func (p *Pipeline) Ledger() *health.Ledger { return p.ledger }

// Progress is how far the inputs were read that have an end.
func (p *Pipeline) Progress() (all input.Progress) {
	for _, in := range p.inputs {
		if in.progress != nil {
			one := in.progress()
			all.Done += one.Done
			all.Size += one.Size
			all.Resumed += one.Resumed
			all.Unreadable += one.Unreadable
		}
	}
	return all
}

// hangs reports whether an input waits for a call to the system that does not come back.
func (p *Pipeline) hangs() bool {
	for _, in := range p.inputs {
		if in.hangs != nil && in.hangs() != "" {
			return true
		}
	}
	return false
}

// KnownByFields is how many records without an id were in Elasticsearch already, found
// by what they say: they are among the duplicates.
func (p *Pipeline) KnownByFields() int64 {
	if p.alike == nil {
		return 0
	}
	return p.alike.found.Load()
}

// Conditions is what keeps the pipeline waiting now.
func (p *Pipeline) Conditions() *health.Conditions { return p.notices.conditions }

func (p *Pipeline) build(cfg *config.Config, o Options) error {
	if n := p.store.Recovered(); n > 0 {
		p.log.Warn().Int("lines", n).Msg("saved positions were damaged; records are read again from older ones")
	}
	p.exportState()
	if err := p.buildExporter(cfg, o); err != nil {
		return err
	}
	p.exportExporter()
	if err := p.buildInputs(cfg, o); err != nil {
		return err
	}
	p.servers.guard = Guard(cfg.HTTPAccess)
	return p.servers.listen(cfg.HTTP, cfg.Debug.Pprof)
}

// buildExporter makes the way out: Elasticsearch and the dead letter.
func (p *Pipeline) buildExporter(cfg *config.Config, o Options) error {
	es := cfg.Elasticsearch
	p.sender = bulk.New(o.Client, bulk.Config{
		Stream: cfg.Stream(), MaxBytes: int(es.BulkSize), Gzip: es.Compression == "gzip",
		ClockSkew: time.Duration(es.ClockSkew), Notify: p.peer.waiting, Observe: p.peer.observe,
		Unsettled: p.store.Unsettled(),
	})
	if len(o.Needs.Cluster)+len(o.Needs.Indices) > 0 {
		p.peer.ask = func(ctx context.Context) error { return askFor(ctx, o.Client, o.Needs) }
		p.peer.check = o.CheckDestination
	}
	return p.letters.open(cfg.DeadLetter.Path, o.DeadLetter, deadletter.Options{
		MaxBytes: int64(cfg.DeadLetter.MaxSize), Inputs: len(cfg.Inputs),
	}, o.Beside != "")
}

func (p *Pipeline) buildInputs(cfg *config.Config, o Options) error {
	stateKey, err := p.stateKey(cfg, o)
	if err != nil {
		return err
	}
	plan, err := transform.NewPlan(cfg, transform.Options{
		StateKey: stateKey, Version: o.Version, Log: p.log, EventNames: o.EventNames,
	})
	if err != nil {
		return err
	}
	p.plan, p.conflicts.steady = plan, map[event.InputID][]string{}
	for i, rule := range plan.Rules() {
		p.metrics.Counter("masked_values_total", "Values that a masking rule changed or dropped.", health.Labels{"rule": rule},
			func() int64 { return plan.Changed(i) })
	}
	files := 0
	for _, in := range cfg.Inputs {
		if in.File != nil {
			files++
		}
	}
	for _, in := range cfg.Inputs {
		built, err := p.buildInput(in, o, plan, input.Surroundings{StateKey: stateKey, FileInputs: files})
		if err != nil {
			return fmt.Errorf("input %s: %w", in.ID, err)
		}
		p.inputs = append(p.inputs, built)
	}
	return nil
}

// stateKey is the secret of the state directory. One that no agent used yet is
// opened to make it, and is then one from which records may have been sent.
func (p *Pipeline) stateKey(cfg *config.Config, o Options) ([]byte, error) {
	if o.Beside == "" {
		return p.store.Key()
	}
	key, err := checkpoint.ReadKey(cfg.StateDir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	store, err := checkpoint.Open(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	key, err = store.Key()
	return key, errors.Join(err, store.Settled(), store.Close())
}

func (p *Pipeline) buildInput(in config.Input, o Options, plan *transform.Plan, s input.Surroundings) (configured, error) {
	p.exportInput(in.ID)
	transformer, err := plan.Transformers(in)
	if err != nil {
		return configured{}, err
	}
	if p.conflicts.steady[in.ID], err = plan.Steady(in); err != nil {
		return configured{}, err
	}
	s.Names, s.Reader = plan.EventNames(in.Gateway), o.Readers[in.ID]
	s.Once, s.Resumed, s.Forget = o.Once, o.Beside != "" || !p.store.Fresh(), o.Beside != ""
	s.Log, s.Metrics, s.Inputs = p.log, p.metrics, p.readiness
	s.Room = func(path string) error { return p.letters.room(in.ID, path) }
	s.Condition = func(reason string) bool { return p.notices.set(health.InputPart(in.ID), reason) }
	built, err := input.Build(in, s)
	if err != nil {
		return configured{}, err
	}
	return configured{id: in.ID, source: built.Source, progress: built.Progress, hangs: built.Hangs, waits: built.Waits, transformer: transformer}, nil
}
