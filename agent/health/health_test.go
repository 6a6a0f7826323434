package health

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"))
}

func TestTheLedgerAddsUp(t *testing.T) {
	var l Ledger
	c := l.Of("files")
	c.Read.Add(10)
	c.Indexed.Add(4)
	c.Duplicate.Add(2)
	c.DeadLettered.Add(1)
	c.Dropped.Add(1)
	if got := l.Totals()[0]; got.InFlight != 2 {
		t.Errorf("in flight: %d", got.InFlight)
	}
	if l.Of("files") != c {
		t.Error("an input has two accounts")
	}
}

func TestConditionsKeepTheirBeginning(t *testing.T) {
	var c Conditions
	if !c.Set(Condition{Part: "elasticsearch", Reason: "refuses the key"}) || c.Set(Condition{Part: "elasticsearch", Reason: "refuses the key"}) {
		t.Error("news is told once")
	}
	since := c.List()[0].Since
	if !c.Set(Condition{Part: "elasticsearch", Reason: "is gone"}) || c.List()[0].Since != since {
		t.Error("another reason is news, but no new beginning")
	}
	if !c.Set(Condition{Part: "elasticsearch", Reason: ""}) || c.Set(Condition{Part: "elasticsearch", Reason: ""}) || len(c.List()) != 0 {
		t.Error("the end is told once")
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var l Ledger
	var c Conditions
	var in Inputs
	m := NewMetrics("1.2.3", &l, &c, &in)
	m.Counter("file_truncations_total", "Truncated files.", Labels{"input": "files"}, func() int64 { return 3 })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, Guard{}, &c, &in, m) }()
	url := "http://" + listener.Addr().String()

	if status, _ := get(t, url+"/readyz"); status != 200 {
		t.Errorf("ready: %d", status)
	}
	c.Set(Condition{Part: "state", Reason: "the disk is full"})
	status, body := get(t, url+"/readyz")
	var answer struct{ Waiting []Condition }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 503 || answer.Waiting[0].Reason != "the disk is full" {
		t.Errorf("not ready: %d %s", status, body)
	}
	if status, _ := get(t, url+"/livez"); status != 200 {
		t.Errorf("alive: %d", status)
	}
	l.Of("files").Read.Add(7)
	if _, body := get(t, url+"/metrics"); !strings.Contains(body, `auditship_records_read_total{input="files"} 7`) ||
		!strings.Contains(body, `auditship_file_truncations_total{input="files"} 3`) {
		t.Error(body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestMetricNamesAreClean(t *testing.T) {
	var l Ledger
	var c Conditions
	var in Inputs
	in.Follow("files", time.Second)
	in.ReachedEnd("files")
	l.Of("files").Read.Add(1)
	c.Set(Condition{Part: "state", Reason: "x"})
	m := NewMetrics("1", &l, &c, &in)
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
