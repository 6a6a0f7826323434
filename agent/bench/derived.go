package main

import (
	"fmt"
	"slices"
	"strings"
)

// reference is where rsyslog, which most machines can install, and the other peers
// were measured together in one run, with the configurations of this folder: a machine
// of two cores, shared with the sink, medians of two to three interleaved runs.
var reference = []struct {
	name        string
	plain, gzip float64 // events per CPU-second; 0: it cannot
	memory      int     // MB
}{
	{"Fluent Bit 5.1.1", 28_300, 20_400, 86},
	{"rsyslog 8.2302, memory queue", 24_100, 0, 248},
	{"rsyslog 8.2302, disk queue", 18_200, 0, 102},
	{"Vector 0.56 (reduced build)", 16_000, 14_600, 433},
	{"OpenTelemetry Collector (0.119 components)", 14_000, 13_400, 119},
	{"Filebeat 9.1-dev", 11_800, 11_000, 72},
}

// referencePeer is the row of reference that ties it to a run of this machine.
const referencePeer = "rsyslog, memory queue"

// derived says what the run lets one conclude about peers that are not here.
func derived(entries []*entry, missing []string) string {
	if len(missing) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Peers that are not on this machine\n\nNot found on PATH, so not run: %s.\nTheir configurations in the folder peers were not tried here either.\n", strings.Join(missing, ", "))
	tie := find(entries, referencePeer, false)
	plain, gzip := find(entries, agentName, false), find(entries, agentName, true)
	if tie == nil || plain == nil || gzip == nil {
		return b.String()
	}
	fmt.Fprintf(&b, `
What follows is **derived, not measured**: on another machine they were run together
with rsyslog (memory queue: %s events per CPU-second there), with the same events and
equal work. A peer's figure there, divided by rsyslog's there, times rsyslog's here
(%s), is what it would do here if all of them changed with the machine alike. With gzip
the tie is the same, since rsyslog has none.

| | plain, would be | times | gzip, would be | times | memory there |
|---|--:|--:|--:|--:|--:|
`, thousands(reference[1].plain), thousands(tie.perCPU()))
	scale := tie.perCPU() / reference[1].plain
	for _, r := range reference {
		if !slices.ContainsFunc(missing, func(m string) bool { return strings.HasPrefix(r.name, m) }) {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %.1f | %s | %.1f | %d MB |\n", r.name, thousands(r.plain*scale), plain.perCPU()/(r.plain*scale),
			thousands(r.gzip*scale), gzip.perCPU()/(r.gzip*scale), r.memory)
	}
	return b.String()
}
