package pipeline

import (
	"maps"
	"sync"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/exporter/bulk"
)

// tally counts by name. Its zero value is ready for use.
type tally struct {
	mu     sync.Mutex
	counts map[string]int64
}

func (t *tally) add(name string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	t.counts[name] += n
}

func (t *tally) read() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

func (p *Pipeline) exportState() {
	p.metrics.Gauge("state_recovered_lines", "Damaged lines of saved positions found at the start.", nil,
		func() float64 { return float64(p.store.Recovered()) })
	p.metrics.Gauge("config_reload_ok", "1 if the configuration was last read with success, else 0.", nil,
		func() float64 { return map[bool]float64{true: 1}[p.reloaded.Load()] })
	p.metrics.Gauge("queue_bytes", "Bytes of documents in flight.", nil, func() float64 { return float64(p.queue.Bytes()) })
	p.metrics.Counters("dead_letters_total", "Records put into the dead letter, by reason.", "reason", p.letters.buried.read)
}

// retryReasons are there from the beginning, so that a first one is an increase.
var retryReasons = []bulk.Reason{
	bulk.ReasonUnauthorized, bulk.ReasonForbidden, bulk.ReasonNotFound, bulk.ReasonBlocked, bulk.ReasonClosed,
	bulk.ReasonMisconfigured, bulk.ReasonRejected, bulk.ReasonUnreachable, bulk.ReasonOverloaded,
	bulk.ReasonServerError, bulk.ReasonAnswerLost, bulk.ReasonTooLarge,
}

// exportExporter exports what the way out counts.
func (p *Pipeline) exportExporter() {
	stats := func(read func(bulk.Stats) int64) func() int64 {
		return func() int64 { return read(p.sender.Stats()) }
	}
	p.peer.took = p.metrics.Durations("bulk_request_duration_seconds", "Time from a bulk request to its answer.")
	p.metrics.Counter("bulk_requests_total", "Bulk requests, answered or not.", nil,
		stats(func(s bulk.Stats) int64 { return s.Requests }))
	p.metrics.Counter("bulk_bytes_total", "Bytes of bulk requests before compression.", nil,
		stats(func(s bulk.Stats) int64 { return s.Bytes }))
	p.metrics.Counter("bulk_sent_bytes_total", "Bytes of bulk requests as they were sent.", nil,
		stats(func(s bulk.Stats) int64 { return s.WireBytes }))
	p.metrics.Counter("lookup_requests_total", "Requests that looked for records in older backing indices.", nil,
		stats(func(s bulk.Stats) int64 { return s.Lookups }))
	p.metrics.Counter("possible_duplicates_total", "Records that may be in Elasticsearch twice; auditship reconcile names them.", nil,
		stats(func(s bulk.Stats) int64 { return s.PossibleDuplicates }))
	p.metrics.Counters("bulk_retries_total", "Records that had to be sent again, by reason.", "reason", func() map[string]int64 {
		counts := map[string]int64{}
		for _, reason := range retryReasons {
			counts[string(reason)] = 0
		}
		for reason, n := range p.sender.Stats().Retries {
			counts[string(reason)] = n
		}
		return counts
	})
	p.metrics.Counter("id_conflicts_total", "Records that have the id of another one and are dead letters therefore.", nil, p.conflicts.found.Load)
	p.metrics.Gauge("dead_letter_bytes", "Bytes of dead letters on disk.", nil, p.letters.bytes)
}

func (p *Pipeline) exportInput(input event.InputID) {
	p.metrics.Gauge("oldest_in_flight_seconds", "For how long the oldest record without a verdict has been in the agent; 0 without one.",
		health.Labels{"input": string(input)}, func() float64 { return p.oldest(input, time.Now()).Seconds() })
}

// oldest is how long ago the oldest record in flight of an input was read.
func (p *Pipeline) oldest(input event.InputID, now time.Time) (age time.Duration) {
	p.releases.Waiting(func(stream event.Stream, place savedPlace) {
		if stream.Input == input {
			age = max(age, now.Sub(place.read))
		}
	})
	return age
}
