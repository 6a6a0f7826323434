package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// peakAllowed is what a process may take at its worst, in MiB, whatever its peers and
// inputs give it.
const peakAllowed = 128

// flood answers with a text again and again, up to so many bytes.
func flood(w io.Writer, before, again string, size int) {
	_, _ = io.WriteString(w, before) // the agent hangs up when it has had enough
	chunk := []byte(strings.Repeat(again, 1+(64<<10)/len(again)))
	for n := 0; n < size; n += len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// hostileGateway answers every request for records like that, and counts them.
func hostileGateway(t *testing.T, before, again string, size int) (url string, asked *atomic.Int64) {
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("page_size") == "10" && asked.Load() == 0 || strings.HasSuffix(r.URL.Path, "event_types") {
			flood(w, `{"list":[`, again, size)
			asked.Add(1)
			return
		}
		flood(w, before, again, size)
		asked.Add(1)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// hostileElasticsearch answers every request like that, and counts bulk requests.
func hostileElasticsearch(t *testing.T, before, again string, size int) (url string, asked *atomic.Int64) {
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // it is let go
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/_bulk"):
			asked.Add(1)
			flood(w, before, again, size)
		case strings.Contains(r.URL.Path, "/_resolve/index/"):
			_, _ = io.WriteString(w, `{"indices":[],"aliases":[],"data_streams":[{"name":"x","backing_indices":[".ds-x-000001"]}]}`)
		case strings.Contains(r.URL.Path, "/_settings"):
			_, _ = io.WriteString(w, `{".ds-x-000001":{"settings":{"index":{"creation_date":"1000"}}}}`)
		default:
			asked.Add(1)
			flood(w, before, again, size)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// bomb writes a compressed file of so many equal texts.
func bomb(t *testing.T, path, text string, n int) {
	t.Helper()
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	chunk := []byte(strings.Repeat(text, 1000))
	for range n / 1000 {
		if _, err := z.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever a gateway, a file or Elasticsearch gives it, the process stays within its
// bound, with GOMEMLIMIT as the packages set it and without.
func TestMemoryIsBoundedAtEveryDoor(t *testing.T) {
	binary := program(t)
	nowhere := "http://127.0.0.1:1"
	const mib = 1 << 20
	gateway := func(before, again string, size int) func(t *testing.T, dir string) (string, string, *atomic.Int64) {
		return func(t *testing.T, _ string) (string, string, *atomic.Int64) {
			url, asked := hostileGateway(t, before, again, size)
			return fmt.Sprintf(`{type: api, id: a, url: %q, api_key: k, poll_interval: 1s}`, url), nowhere, asked
		}
	}
	elasticsearch := func(before, again string) func(t *testing.T, dir string) (string, string, *atomic.Int64) {
		return func(t *testing.T, dir string) (string, string, *atomic.Int64) {
			url, asked := hostileElasticsearch(t, before, again, 256*mib)
			var records strings.Builder
			for i := range 5000 {
				fmt.Fprintf(&records, `{"id":"%d","event_time":%d}`+"\n", i, time.Now().Unix())
			}
			if err := os.WriteFile(filepath.Join(dir, "audit.json"), []byte(records.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			return `{type: file, id: f, paths: audit.json}`, url, asked
		}
	}
	file := func(text string, n int) func(t *testing.T, dir string) (string, string, *atomic.Int64) {
		return func(t *testing.T, dir string) (string, string, *atomic.Int64) {
			bomb(t, filepath.Join(dir, "audit.json.gz"), text, n)
			return `{type: file, id: f, paths: "audit.json*"}`, nowhere, nil
		}
	}
	for name, prepare := range map[string]func(t *testing.T, dir string) (input, es string, asked *atomic.Int64){
		"a gateway's answer of 32 MiB of {}":              gateway(`{"total":11000000,"list":[`, "{},", 32*mib),
		"a gateway's answer of 256 MiB of {}":             gateway(`{"total":90000000,"list":[`, "{},", 256*mib),
		"a gateway's answer of 256 MiB in one record":     gateway(`{"total":1,"list":[{"id":"1","event_time":1764000000,"x":"`, "xxxxxxxx", 256*mib),
		"a gateway's answer of 256 MiB of brackets":       gateway(`{"total":1,"list":[`, "[", 256*mib),
		"Elasticsearch's answer of 256 MiB of items":      elasticsearch(`{"errors":false,"items":[`, `{"create":{"status":201}},`),
		"Elasticsearch's answer of 256 MiB of one string": elasticsearch(`{"error":"`, "xxxxxxxx"),
		"6 million {} in a small .gz":                     file("{}\n", 6_000_000),
		"6 million records without a time in a small .gz": file("{\"a\":1}\n", 6_000_000),
	} {
		for _, limit := range []string{"", "GOMEMLIMIT=160MiB"} {
			t.Run(name+" "+limit, func(t *testing.T) {
				dir := t.TempDir()
				input, es, asked := prepare(t, dir)
				config := filepath.Join(dir, "auditship.yml")
				text := fmt.Sprintf("inputs: [%s]\nelasticsearch: {urls: %q, api_key: k}\nstate_dir: state\nhttp: \"off\"\ndead_letter: {max_size: 32MiB}\n", input, es)
				if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				agent := exec.CommandContext(t.Context(), binary, "run", "-c", config)
				agent.Env = []string{"PATH=" + os.Getenv("PATH")}
				if limit != "" {
					agent.Env = append(agent.Env, limit)
				}
				if err := agent.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() { _, _ = agent.Process.Kill(), agent.Wait() }()
				began, peak := time.Now(), 0
				for {
					peak = max(peak, peakOf(t, agent))
					if asked != nil && asked.Load() >= 8 || asked == nil && lettersOn(dir) > 4*mib || time.Since(began) > 20*time.Second {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				if t.Logf("the process took %d MiB", peak); peak >= peakAllowed {
					t.Errorf("the process took %d MiB, allowed are %d", peak, peakAllowed)
				}
			})
		}
	}
}

// lettersOn is the size of the dead letters.
func lettersOn(dir string) (size int64) {
	files, _ := filepath.Glob(filepath.Join(dir, "state", "dead-letter", "*")) // never fails, says its documentation
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			size += info.Size()
		}
	}
	return size
}

// peakOf is the most memory that a running process had, in MiB.
func peakOf(t *testing.T, agent *exec.Cmd) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", agent.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	if !ok {
		t.Fatal("the process has ended")
	}
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n >> 10
}
