package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// entry is a shipper in one mode, with its runs.
type entry struct {
	shipper
	gzipped bool
	runs    []measurement
	failed  error
}

// compare runs the agent and its peers in turns and writes what came out.
func compare(ctx context.Context, o options) error {
	path, err := eventFile(o.work, 0, o.events, 0)
	if err != nil {
		return err
	}
	if err := warm(path); err != nil {
		return err
	}
	var entries []*entry
	var missing []string
	for _, s := range shippers {
		switch {
		case !s.found():
			missing = append(missing, s.name)
			continue
		case s.name != agentName && !strings.Contains(strings.ToLower(s.name), strings.ToLower(o.only)):
			continue
		}
		entries = append(entries, &entry{shipper: s})
		if s.gzip {
			entries = append(entries, &entry{shipper: s, gzipped: true})
		}
	}
	for round := range o.rounds {
		for _, e := range entries {
			if e.failed != nil {
				continue
			}
			m, err := measure(ctx, e.shipper, load{data: path, events: o.events, gzip: e.gzipped})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if e.failed = err; err != nil {
				progress("%s: %v", e.title(), err)
				continue
			}
			e.runs = append(e.runs, m)
			progress("round %d of %d  %-32s %9.0f events/CPU-s  %8.0f events/s  %4d MiB", round+1, o.rounds, e.title(), perSecond(m.arrived(), m.cpu), perSecond(m.arrived(), m.clock), m.peak>>20)
		}
	}
	if err := o.write("results.md", report(o, entries, missing)); err != nil {
		return err
	}
	return faultless(entries)
}

func (e *entry) title() string {
	if e.gzipped {
		return e.name + ", gzip"
	}
	return e.name
}

func (m measurement) arrived() int64 { return m.counts.Arrived }

func perSecond(n int64, d time.Duration) float64 { return float64(n) / max(d.Seconds(), 1e-9) }

// median of what the runs of an entry say.
func (e *entry) median(of func(measurement) float64) float64 {
	values := make([]float64, len(e.runs))
	for i, m := range e.runs {
		values[i] = of(m)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func (e *entry) perCPU() float64 {
	return e.median(func(m measurement) float64 { return perSecond(m.arrived(), m.cpu) })
}

func (e *entry) perClock() float64 {
	return e.median(func(m measurement) float64 { return perSecond(m.arrived(), m.clock) })
}

func (e *entry) peak() int64 {
	return slices.MaxFunc(e.runs, func(a, b measurement) int { return cmp.Compare(a.peak, b.peak) }).peak
}

// faultless is an error where the agent lost, doubled or did not mask an event.
func faultless(entries []*entry) error {
	for _, e := range entries {
		if e.name != agentName {
			continue
		}
		if e.failed != nil {
			return e.failed
		}
		for _, m := range e.runs {
			if c := m.counts; m.lost+c.Doubled+c.Unknown+c.Leaked+c.Untimed+c.Cut > 0 {
				return fmt.Errorf("%s: %d lost, %+v", e.title(), m.lost, c)
			}
		}
	}
	return nil
}

// find is the entry of a shipper, nil if it did not run.
func find(entries []*entry, name string, gzipped bool) *entry {
	for _, e := range entries {
		if e.name == name && e.gzipped == gzipped && len(e.runs) > 0 {
			return e
		}
	}
	return nil
}

// report is the table of a comparison, in Markdown.
func report(o options, entries []*entry, missing []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# auditship and its peers on one workload\n\nMade by `make bench`. %s\n\n", machine(o))
	fmt.Fprintf(&b, "%s audit events, read from a file, parsed, masked (the peers: five secret fields and\n"+
		"e-mail addresses; auditship: all its rules and e-mail addresses), sent to a sink with an\n"+
		"`_id` for each, the place kept on disk. Sink and shipper share the machine. Medians of %d\n"+
		"interleaved runs, the highest peak; CPU is the shipper's user and system time.\n\n", thousands(float64(o.events)), o.rounds)
	b.WriteString("| | events per CPU-second | times | events per second | times | peak memory | lost | doubled | not masked |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, gzipped := range []bool{false, true} {
		agent := find(entries, agentName, gzipped)
		for _, e := range entries {
			if e.gzipped != gzipped || len(e.runs) == 0 || agent == nil {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %.1f | %s | %.1f | %d MiB | %s |\n", e.label(), thousands(e.perCPU()), agent.perCPU()/e.perCPU(),
				thousands(e.perClock()), agent.perClock()/e.perClock(), e.peak()>>20, e.faults())
		}
	}
	b.WriteString("\n\"times\" is how many times as many events auditship gets through. \"Not masked\" is the\nshare of the checked documents (one in 16) that still held a secret.\n")
	for _, e := range entries {
		if e.failed != nil {
			fmt.Fprintf(&b, "\n%s did not work: `%s`\n", e.title(), firstLine(e.failed.Error()))
		}
	}
	b.WriteString(derived(entries, missing))
	return b.String()
}

func (e *entry) label() string {
	label := e.title()
	if v := e.versionText(); v != "" {
		label += " (" + v + ")"
	}
	if e.name == agentName {
		return "**" + label + "**"
	}
	return label
}

func (e *entry) faults() string {
	var lost, doubled, leaked, checked int64
	for _, m := range e.runs {
		lost += m.lost
		doubled += m.counts.Doubled + m.counts.Unknown
		leaked += m.counts.Leaked
		checked += m.counts.Checked
	}
	return fmt.Sprintf("%d | %d | %.2g %%", lost, doubled, 100*float64(leaked)/float64(max(checked, 1)))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func thousands(f float64) string {
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// machine says what was measured and where.
func machine(o options) string {
	model := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo") // without it the architecture has to do
	for line := range bytes.Lines(info) {
		if rest, ok := bytes.CutPrefix(line, []byte("model name")); ok {
			model = string(bytes.TrimSpace(bytes.TrimLeft(rest, "\t :")))
			break
		}
	}
	said, _ := exec.Command(o.agent, "version").Output()
	version, _, _ := strings.Cut(firstLine(string(said)), " (")
	if !strings.Contains(version, " v") { // no release
		version = agentName
	}
	text := fmt.Sprintf("%d × %s, %s, %s.", runtime.NumCPU(), model, version, time.Now().UTC().Format(time.DateOnly))
	if o.note != "" {
		text += " " + o.note
	}
	return text
}
