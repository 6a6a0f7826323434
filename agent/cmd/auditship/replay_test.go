package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/esnode/faultproxy"
)

// R14: documents that a wrong mapping refuses become dead letters and are listed by
// reason. When the mapping is put right, replay brings all of them into the stream,
// once each, although it is killed again and again and the stream rolls over.
func TestR14_ForcedRefusalsAreReplayed(t *testing.T) {
	t.Parallel()
	// On a node of its own, since setup looks at the templates of all such streams.
	tr := newTrailOn(t, estest.Private(t, esnode.Options{}))
	template := `{"index_patterns":[%q],"data_stream":{},"priority":1000,"template":{
		"settings":{"index.number_of_replicas":0},
		"mappings":{"dynamic":%s,"properties":{"@timestamp":{"type":"date"},"event":{"properties":{"id":{"type":"keyword"}}}}}}}`
	strict := fmt.Sprintf(template, tr.stream, `"strict"`)
	tr.must(tr.ask("PUT", "/_index_template/"+tr.namespace, strict, nil))
	tr.write(3000)
	agent := tr.start()
	letters := func() string {
		out, err := tr.says("replay")
		tr.must(err)
		return strings.Join(strings.Fields(out), " ")
	}
	refused := fmt.Sprintf("refused strict_dynamic_mapping_exception - %d %[1]d", tr.written)
	tr.until("all documents to be refused", func() bool { return strings.Contains(letters(), refused) })
	tr.stop(agent)
	if l := tr.lastLedger(); l.DeadLettered != tr.written || l.Indexed != 0 {
		t.Errorf("%+v, want %d dead letters", l, tr.written)
	}

	tr.must(tr.ask("PUT", "/_index_template/"+tr.namespace, fmt.Sprintf(template, tr.stream, "false"), nil))
	tr.must(tr.ask("PUT", "/"+tr.stream+"/_mapping", `{"dynamic":false}`, nil))
	tr.throughProxy(settings{es: ", bulk_size: 64KiB"}, bulks(faultproxy.Slow))
	for range 3 {
		before := tr.count()
		replay, err := tr.command("replay", "--send")
		tr.must(err)
		tr.must(replay.Start())
		tr.until("more documents", func() bool { return tr.count() > before })
		tr.kill(replay)
		tr.call("POST", "/"+tr.stream+"/_rollover", nil)
	}
	if n := tr.count(); n == tr.written {
		t.Error("the replay was never interrupted")
	}
	tr.must(tr.configure(settings{}))
	if _, err := tr.says("replay", "--send"); err != nil {
		t.Errorf("replay: %v\n%s", err, tr.log())
	}
	tr.holdsOnce()
	if out := letters(); !strings.HasPrefix(out, "no dead letters") {
		t.Errorf("left over: %s", out)
	}
	left, err := filepath.Glob(filepath.Join(tr.dir, "state", "dead-letter", "*.ndjson"))
	tr.must(err)
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			t.Errorf("%s has %d bytes", path, info.Size())
		}
	}
}
