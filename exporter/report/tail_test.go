package report

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// arriving is a record that arrives now.
func arriving(id, event, outcome string, age time.Duration) entry {
	at := time.Now().Add(-age)
	return entry{id: id, at: at, ingested: time.Now(), event: event, operator: "Ops", resourceID: httpbin, resourceName: "httpbin", source: "dashboard", ip: "203.0.113.7", address: "203.0.113.7", outcome: outcome}
}

// following starts Tail and gives its lines; the test ends it.
func following(t *testing.T, tr *trail, q Query, opts TailOptions) *bufio.Scanner {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	opts.Every = 50 * time.Millisecond
	go func() { ended <- Tail(ctx, tr.analyst, tr.query(q), write, opts) }()
	t.Cleanup(func() {
		stop()
		_ = read.Close()
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	return bufio.NewScanner(read)
}

// What arrives is told once, whenever it happened in the last hour; what was there, what
// happened long ago and what the query does not describe is not.
func TestTail(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, arriving("there", "Login", "success", time.Minute))
	looked := make(chan struct{})
	var looks atomic.Int64
	lines := following(t, tr, Query{Operators: []string{"Ops"}}, TailOptions{JSON: true, looked: func() {
		if looks.Add(1) == 1 {
			close(looked)
		}
	}})
	<-looked
	other := arriving("other", "Login", "success", 0)
	other.operator = "Dev"
	tr.index(t, arriving("old", "Add Service", "success", 3*time.Hour), other, arriving("late", "Add Route", "failure", 20*time.Minute))
	tr.index(t, arriving("now", "Delete Service", "success", 0))
	for _, want := range []string{"Add Route", "Delete Service"} {
		if !lines.Scan() {
			t.Fatal("it ended")
		}
		var got struct{ Event, Operator, Time string }
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil || got.Event != want || got.Operator != "Ops" {
			t.Fatalf("%s %v, want %s", lines.Text(), err, want)
		}
		if at, err := time.Parse(time.RFC3339, got.Time); err != nil || want == "Add Route" && time.Since(at) < 19*time.Minute {
			t.Errorf("%s: not when it happened", got.Time)
		}
	}
}

// A stream that does not exist yet is waited for, and its first record is news.
func TestTailBeginsBeforeTheFirstRecord(t *testing.T) {
	tr := newTrail(t)
	looked := make(chan struct{}, 1)
	lines := following(t, tr, Query{}, TailOptions{looked: func() {
		select {
		case looked <- struct{}{}:
		default:
		}
	}})
	<-looked
	hostile := arriving("first", "Add\x1b[2JService", "failure", 0)
	tr.index(t, hostile)
	if !lines.Scan() {
		t.Fatal("it ended")
	}
	if got := lines.Text(); !strings.Contains(got, "Ops  Add�[2JService  "+httpbin+"  httpbin  203.0.113.7  dashboard  failure") {
		t.Errorf("%q", got)
	}
}

func TestTailRefusesWhatMakesNoSense(t *testing.T) {
	if err := Tail(t.Context(), nil, Query{IPs: []string{"x"}}, io.Discard, TailOptions{}); err == nil {
		t.Error("no error")
	}
}
