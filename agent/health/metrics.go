package health

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/auditship/auditship/agent/event"
)

// Metrics is the agent's registry. Parts that count for themselves are read when
// the metrics are asked for, by the functions given to Counter, Counters and Gauge.
type Metrics struct {
	registry *prometheus.Registry
}

// NewMetrics makes a registry with the ledger, the conditions, the inputs, the build
// and what the process uses.
func NewMetrics(version string, ledger *Ledger, conditions *Conditions, inputs *Inputs) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		ledgerCollector{ledger},
		conditionCollector{conditions},
		inputCollector{inputs},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "auditship_build_info", Help: "The version of the agent; always 1.",
			ConstLabels: prometheus.Labels{"version": version},
		}, func() float64 { return 1 }),
	)
	return m
}

// Labels are a metric's constant labels.
type Labels = prometheus.Labels

// Counter exports a running total. The name is without the prefix auditship_.
func (m *Metrics) Counter(name, help string, labels Labels, read func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "auditship", Name: name, Help: help, ConstLabels: labels,
	}, func() float64 { return float64(read()) }))
}

// Counters exports running totals that differ in one label. The name is without the
// prefix auditship_.
func (m *Metrics) Counters(name, help, label string, read func() map[string]int64) {
	m.registry.MustRegister(countersCollector{
		prometheus.NewDesc("auditship_"+name, help, []string{label}, nil), read,
	})
}

// Durations exports a histogram in seconds and returns the function that adds to it.
// The name is without the prefix auditship_.
func (m *Metrics) Durations(name, help string) (observe func(time.Duration)) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "auditship", Name: name, Help: help,
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	})
	m.registry.MustRegister(h)
	return func(d time.Duration) { h.Observe(d.Seconds()) }
}

// Gauge exports a reading. The name is without the prefix auditship_.
func (m *Metrics) Gauge(name, help string, labels Labels, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "auditship", Name: name, Help: help, ConstLabels: labels,
	}, read))
}

var (
	recordsRead = prometheus.NewDesc("auditship_records_read_total",
		"Records and faults that an input has read.", []string{"input"}, nil)
	recordsDone = prometheus.NewDesc("auditship_records_total",
		"What became of the records, by final verdict. With auditship_records_in_flight they add up to auditship_records_read_total.",
		[]string{"input", "verdict"}, nil)
	recordsInFlight = prometheus.NewDesc("auditship_records_in_flight",
		"Records that were read and have no verdict yet.", []string{"input"}, nil)
	lastSuccess = prometheus.NewDesc("auditship_last_success_timestamp_seconds",
		"When Elasticsearch last took a record of the input or had it, as Unix time; absent before.", []string{"input"}, nil)
	newestRecord = prometheus.NewDesc("auditship_newest_record_timestamp_seconds",
		"The time of the newest record of the input that Elasticsearch holds, as Unix time; absent before.", []string{"input"}, nil)
	waiting = prometheus.NewDesc("auditship_waiting_since_timestamp_seconds",
		"Since when a part of the agent waits, as Unix time; absent while it works.", []string{"part"}, nil)
)

var (
	owed = prometheus.NewDesc("auditship_owed",
		"What an input has and could not deliver so far, by kind; 0 is what it should be.", []string{"input", "kind"}, nil)
	readToEnd = prometheus.NewDesc("auditship_read_to_end_timestamp_seconds",
		"When everything that the input then had was read, as Unix time; absent before.", []string{"input"}, nil)
)

type inputCollector struct{ inputs *Inputs }

func (c inputCollector) Describe(out chan<- *prometheus.Desc) {
	out <- owed
	out <- readToEnd
}

func (c inputCollector) Collect(out chan<- prometheus.Metric) {
	for input, counts := range c.inputs.counts() {
		for _, kind := range event.DebtKinds {
			out <- prometheus.MustNewConstMetric(owed, prometheus.GaugeValue, float64(counts[kind]), string(input), string(kind))
		}
	}
	for input, at := range c.inputs.ends() {
		out <- prometheus.MustNewConstMetric(readToEnd, prometheus.GaugeValue, float64(at.UnixMilli())/1000, string(input))
	}
}

type ledgerCollector struct{ ledger *Ledger }

func (c ledgerCollector) Describe(out chan<- *prometheus.Desc) {
	out <- recordsRead
	out <- recordsDone
	out <- recordsInFlight
	out <- lastSuccess
	out <- newestRecord
}

func (c ledgerCollector) Collect(out chan<- prometheus.Metric) {
	for _, t := range c.ledger.Totals() {
		out <- prometheus.MustNewConstMetric(recordsRead, prometheus.CounterValue, float64(t.Read), string(t.Input))
		out <- prometheus.MustNewConstMetric(recordsInFlight, prometheus.GaugeValue, float64(t.InFlight), string(t.Input))
		for verdict, n := range map[string]int64{
			"indexed": t.Indexed, "duplicate": t.Duplicate, "dead_lettered": t.DeadLettered,
			"failure_stored": t.FailureStored, "dropped": t.Dropped,
		} {
			out <- prometheus.MustNewConstMetric(recordsDone, prometheus.CounterValue, float64(n), string(t.Input), verdict)
		}
		for desc, at := range map[*prometheus.Desc]int64{lastSuccess: t.LastSuccess, newestRecord: t.Newest} {
			if at != 0 {
				out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(at)/1000, string(t.Input))
			}
		}
	}
}

type countersCollector struct {
	desc *prometheus.Desc
	read func() map[string]int64
}

func (c countersCollector) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

func (c countersCollector) Collect(out chan<- prometheus.Metric) {
	for value, n := range c.read() {
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(n), value)
	}
}

type conditionCollector struct{ conditions *Conditions }

func (c conditionCollector) Describe(out chan<- *prometheus.Desc) { out <- waiting }

func (c conditionCollector) Collect(out chan<- prometheus.Metric) {
	for _, x := range c.conditions.List() {
		out <- prometheus.MustNewConstMetric(waiting, prometheus.GaugeValue, float64(x.Since.UnixMilli())/1000, string(x.Part))
	}
}
