package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/contain"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/agent/queue"
	"github.com/auditship/auditship/agent/transform"
	"github.com/auditship/auditship/exporter/bulk"
)

// Pipeline carries records from its sources to Elasticsearch. Make it with Open.
type Pipeline struct {
	log     zerolog.Logger
	inputs  []configured
	sender  *bulk.Sender
	letters letters
	peer    destination // Elasticsearch
	store   *checkpoint.Store

	ledger    *health.Ledger
	readiness *health.Inputs
	notices   notices
	metrics   *health.Metrics
	servers   servers

	bulkBytes       int64
	linger          time.Duration
	senders         int
	transformers    int
	shutdownTimeout time.Duration

	work      chan *job // batches for any transformer
	order     chan *job // the same batches, as they were emitted
	queue     *queue.Queue[*shipment]
	shipments *shipments // takes settled ones back
	releases  *queue.Order[event.Stream, savedPlace]
	positions positions
	plan      *transform.Plan
	conflicts conflicts          // of ids
	alike     *alike             // nil: records without an id are not looked for
	counters  transform.Counters // of streams with records without an id
	reloaded  atomic.Bool        // the configuration was last read with success
}

// configured is one input of the configuration with its source and its way to
// transform records.
type configured struct {
	id          event.InputID
	source      input.Source
	progress    func() input.Progress         // nil where it has no end
	hangs       func() string                 // nil where nothing can hang
	waits       bool                          // it waits by itself for room in the dead letter
	transformer func() *transform.Transformer // a new one for each goroutine
}

// GiveUp, as the cause of the end of Run's context, ends Run at once and with this
// reason: nothing waits for what Elasticsearch does not take.
type GiveUp struct{ Reason error }

func (g GiveUp) Error() string { return g.Reason.Error() }
func (g GiveUp) Unwrap() error { return g.Reason }

func givenUp(ctx context.Context) error {
	var g GiveUp
	if errors.As(context.Cause(ctx), &g) {
		return g.Reason
	}
	return nil
}

// Run carries records until ctx ends, then lets what was read arrive, for at most
// the shutdown timeout. It returns nil after an orderly stop.
//
// Its goroutines, in the direction of the records:
//
//	one for each source      emits batches into work and order
//	one for each processor   transforms batches: mask, decode, document
//	one                      puts them back in order, into the queue
//	a few                    send bulk requests and settle every verdict
//	one                      saves positions
//	one                      asks Elasticsearch while nothing is sent
//	three                    answer /metrics and profiles, feed the service manager's watchdog
func (p *Pipeline) Run(ctx context.Context) error {
	// Sources stop with ctx; everything behind them may finish what they read.
	drain, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	stop := context.AfterFunc(ctx, func() {
		if givenUp(ctx) != nil {
			giveUp()
			return
		}
		time.AfterFunc(p.shutdownTimeout, giveUp)
	})
	defer stop()
	p.peer.ended = func() bool { return drain.Err() != nil }

	serving, stopServing := context.WithCancel(drain)
	var server errgroup.Group
	server.Go(func() error { return p.servers.serve(serving, p.notices.conditions, p.readiness, p.metrics) })
	server.Go(func() error { return p.servers.serveProfiles(serving) })
	server.Go(func() error {
		return health.FeedWatchdog(serving, health.Progress(p.ledger, p.notices.conditions, p.hangs, p.positions.rounds.Load))
	})
	server.Go(func() error { p.peer.keepAsking(serving); return nil })
	var saver sync.WaitGroup
	saving, stopSaving := context.WithCancel(context.WithoutCancel(ctx))
	saver.Go(func() { p.positions.keepSaving(saving, p.shipments.trim) })

	err := p.carry(ctx, drain)

	stopSaving()
	saver.Wait()
	stopServing()
	err = errors.Join(err, server.Wait())
	p.logLedger()
	return errors.Join(err, p.settled(), givenUp(ctx))
}

// settled tells the next process that this one left nothing under way.
func (p *Pipeline) settled() error {
	for _, t := range p.ledger.Totals() {
		if t.InFlight != 0 {
			return nil
		}
	}
	return p.store.Settled()
}

// carry runs the stages. Each ends when the one before it has ended and everything
// it emitted was taken; a stage that fails ends the sources.
func (p *Pipeline) carry(ctx, drain context.Context) error {
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	sources, sourcesCtx := errgroup.WithContext(reading)
	for _, in := range p.inputs {
		sources.Go(func() error {
			return contain.Run("input "+string(in.id), func() error { return p.read(sourcesCtx, in) })
		})
	}

	stages, stagesCtx := errgroup.WithContext(drain)
	stopped := context.AfterFunc(stagesCtx, stopReading)
	defer stopped()
	var transformers sync.WaitGroup
	for range p.transformers {
		transformers.Go(p.transformAll)
	}
	stages.Go(func() error {
		return contain.Run("the queue", func() error { return p.sequenceAll(stagesCtx) })
	})
	for range p.senders {
		stages.Go(func() error {
			return contain.Run("delivery", func() error { return p.deliverAll(stagesCtx) })
		})
	}

	err := orderly(reading, sources.Wait())
	close(p.work)
	close(p.order)
	transformers.Wait()
	return errors.Join(err, orderly(drain, stages.Wait()))
}

// orderly drops the error of a context that was meant to end.
func orderly(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// read runs one source.
func (p *Pipeline) read(ctx context.Context, in configured) error {
	emit := func(ctx context.Context, b event.Batch) error {
		if !in.waits {
			if err := p.letters.awaitRoom(ctx, in.id); err != nil {
				return err
			}
		}
		return p.emit(ctx, &job{batch: b, in: in.id, read: time.Now(), done: make(chan struct{})})
	}
	if err := in.source.Run(ctx, p.positions.of(in.id), emit); err != nil {
		return fmt.Errorf("input %s: %w", in.id, err)
	}
	return nil
}

// emit hands a batch to the transformers and notes its place. It waits while the
// pipeline is full.
func (p *Pipeline) emit(ctx context.Context, j *job) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case p.order <- j:
	}
	p.work <- j // transformers wait for nobody
	return nil
}

// job is a batch on its way through the transformers.
type job struct {
	batch event.Batch
	in    event.InputID
	read  time.Time
	done  chan struct{} // closed when out is set
	out   *shipment
}

// transformAll transforms batches until there are no more.
func (p *Pipeline) transformAll() {
	own := map[event.InputID]*transform.Transformer{}
	for _, in := range p.inputs {
		own[in.id] = in.transformer()
	}
	for j := range p.work {
		j.out = p.shipments.get()
		own[j.in].Transform(j.batch, &j.out.Result)
		if j.batch.Release != nil {
			j.batch.Release()
		}
		close(j.done)
	}
}

// sequenceAll takes the transformed batches in the order in which they were
// emitted, settles what is not for Elasticsearch, and queues the rest.
func (p *Pipeline) sequenceAll(ctx context.Context) error {
	defer p.queue.Close()
	for j := range p.order {
		<-j.done
		if err := p.sequence(ctx, j); err != nil {
			return err
		}
	}
	return nil
}

// deliverAll sends what is queued until the queue is closed and empty.
func (p *Pipeline) deliverAll(ctx context.Context) error {
	var documents []bulk.Document
	for {
		shipments, err := p.queue.Take(ctx, p.bulkBytes, p.linger)
		if err != nil || len(shipments) == 0 {
			return err
		}
		if documents, err = p.deliver(ctx, shipments, documents); err != nil {
			return err
		}
	}
}

// savedPlace is what is saved once a batch is settled.
type savedPlace struct {
	position []byte
	recount  bool
	forget   bool
	read     time.Time // when the batch was read
}

func (p *Pipeline) logLedger() {
	for _, t := range p.ledger.Totals() {
		p.log.Info().EmbedObject(t).Msg("ledger")
	}
}
