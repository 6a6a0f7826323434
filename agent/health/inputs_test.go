package health

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// Ready means: read to the end within the interval, and nothing owed.
func TestAnInputIsReadyWhenItWasReadToItsEndAndOwesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in Inputs
		owed := func() string {
			var kinds []string
			for _, d := range in.Owed() {
				kinds = append(kinds, string(d.Input)+" "+string(d.Kind))
			}
			return strings.Join(kinds, ", ")
		}
		in.Follow("api", 20*time.Second)
		if got := owed(); got != "api unread" {
			t.Errorf("before its end was reached it owes: %s", got)
		}
		in.ReachedEnd("api")
		time.Sleep(60 * time.Second)
		if got := owed(); got != "" {
			t.Errorf("within three intervals it owes: %s", got)
		}
		time.Sleep(time.Second)
		if got := owed(); got != "api unread" {
			t.Errorf("after three intervals it owes: %s", got)
		}
		in.ReachedEnd("api")
		if got := owed(); got != "" {
			t.Errorf("read to its end again it owes: %s", got)
		}
	})
}

func TestADebtIsNewsWhenItArisesAndWhenItEnds(t *testing.T) {
	var in Inputs
	debt := event.Debt{Input: "api", Kind: event.DebtUnproven, Key: "10:00", Reason: "3 missing"}
	if !in.Owe(debt) {
		t.Error("a new debt is no news")
	}
	since := in.Owed()[0].Since
	debt.Reason, debt.Since = "2 missing", since.Add(time.Hour)
	if in.Owe(debt) {
		t.Error("a debt that changes is news")
	}
	if got := in.Owed(); len(got) != 1 || got[0].Reason != "2 missing" || !got[0].Since.Equal(since) {
		t.Errorf("owed: %+v", got)
	}
	other := debt
	other.Key, other.Count = "11:00", 5
	if !in.Owe(other) || in.counts()["api"][event.DebtUnproven] != 6 {
		t.Errorf("counts: %v", in.counts())
	}
	debt.Ended, other.Ended = "read completely", "read completely"
	if !in.Owe(debt) || in.Owe(debt) || !in.Owe(other) || len(in.Owed()) != 0 {
		t.Errorf("still owed: %+v", in.Owed())
	}
}

// What is owed is in /readyz and in the metrics, and /readyz says how bad it is.
func TestReadyzShowsWhatIsOwed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var l Ledger
	var c Conditions
	var in Inputs
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, Guard{}, &c, &in, NewMetrics("1", &l, &c, &in)) }()
	url := "http://" + listener.Addr().String()
	ready := func(status int, word string, owed int) {
		t.Helper()
		code, body := get(t, url+"/readyz")
		var r Readiness
		if err := json.Unmarshal([]byte(body), &r); err != nil || code != status || r.Status != word || r.Ready != (word == "ready") || len(r.Owed)+r.More != owed {
			t.Errorf("%d %s, want %d %s with %d owed", code, body, status, word, owed)
		}
	}
	in.Follow("api", time.Hour)
	ready(http.StatusServiceUnavailable, "degraded", 1)
	in.ReachedEnd("api")
	ready(http.StatusOK, "ready", 0)
	for _, key := range strings.Split(strings.Repeat("x", 150), "") {
		in.Owe(event.Debt{Input: "api", Kind: event.DebtUnproven, Key: key + time.Now().String(), Reason: "r"})
	}
	ready(http.StatusServiceUnavailable, "degraded", 150)
	c.Set(Condition{Part: "state", Reason: "the disk is full"})
	ready(http.StatusServiceUnavailable, "waiting", 150)
	_, metrics := get(t, url+"/metrics")
	for _, want := range []string{
		`auditship_owed{input="api",kind="unproven_window"} 150`, `auditship_owed{input="api",kind="unread"} 0`,
		`auditship_read_to_end_timestamp_seconds{input="api"} `,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
