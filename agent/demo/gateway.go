package demo

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
)

// gateway records operations as a gateway does: in its audit API, and in a file that
// grows, rotated by rename and create, old ones compressed.
type gateway struct {
	dir       string
	generator *api7sim.Generator
	store     *api7sim.Store  // what its audit API serves
	written   map[string]bool // ids of all records
	file      *os.File
	rotated   int
	lines     int
}

const (
	linesPerFile = 2500
	compressed   = 2 // rotated files that stay as they are before they are compressed
)

func newGateway(dir string, seed uint64) (*gateway, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	g := &gateway{dir: dir, generator: api7sim.NewGenerator(seed), store: &api7sim.Store{}, written: map[string]bool{}}
	return g, g.open()
}

// serve answers the audit API on an address until ctx ends.
func (g *gateway) serve(ctx context.Context, listener net.Listener, token string) error {
	server := &http.Server{
		Handler:           api7sim.NewServer(g.store, api7sim.Options{APIKey: token, MaxPage: 500}),
		ReadHeaderTimeout: 5 * time.Second,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // Serve returns its error
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the audit API: %w", err)
	}
	return nil
}

func (g *gateway) path(n int) string {
	if n == 0 {
		return filepath.Join(g.dir, "audit.json")
	}
	return filepath.Join(g.dir, fmt.Sprintf("audit.json.%d", n))
}

func (g *gateway) open() (err error) {
	g.file, err = os.OpenFile(g.path(0), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return err
}

// history makes n records over the days before now: every operation of the gateway,
// and what the two stories are about.
func (g *gateway) history(now time.Time, days, n int) []api7sim.Record {
	begin := now.AddDate(0, 0, -days)
	step := now.Sub(begin) / time.Duration(n)
	records := make([]api7sim.Record, 0, n)
	for i := range n {
		at := begin.Add(time.Duration(i) * step)
		switch {
		case i%1000 == 17: // story 1: Ops adds a service
			records = append(records, g.generator.MakeBy(api7sim.Find("POST", "/apisix/admin/services"), at, 0, 1+i/1000%5))
		case i%500 == 11: // story 2: somebody works on httpbin
			operations := []api7sim.Operation{
				api7sim.Find("PUT", "/apisix/admin/services/{service_id}"),
				api7sim.Find("PATCH", "/apisix/admin/services/{service_id}"),
				api7sim.Find("POST", "/api/services/publish"),
				api7sim.Find("GET", "/apisix/admin/services/{service_id}"),
			}
			records = append(records, g.generator.MakeBy(operations[i/500%len(operations)], at, i/500%4, 0))
		default:
			records = append(records, g.generator.Next(at))
		}
	}
	return records
}

// live makes and writes a few records every interval, until ctx ends.
func (g *gateway) live(ctx context.Context, interval time.Duration) error {
	for ctx.Err() == nil {
		records := []api7sim.Record{g.generator.Next(time.Now()), g.generator.Next(time.Now())}
		if err := g.write(ctx, records, interval); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// write appends records to the file, half a record at a time now and then, and
// rotates it when it is full.
func (g *gateway) write(ctx context.Context, records []api7sim.Record, pause time.Duration) error {
	for chunk := range slices.Chunk(records, 250) {
		var text []byte
		for _, r := range chunk {
			text = append(append(text, r.JSON()...), '\n')
			g.written[r.ID] = true
		}
		g.store.Add(chunk...)
		half := len(text) - 100
		if err := g.append(text[:half], text[half:]); err != nil {
			return fmt.Errorf("write audit records: %w", err)
		}
		if g.lines += len(chunk); g.lines >= linesPerFile {
			if err := g.rotate(); err != nil {
				return fmt.Errorf("rotate the audit file: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}

func (g *gateway) append(parts ...[]byte) error {
	for _, p := range parts {
		if _, err := g.file.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// rotate moves every file one number up and compresses the one that is old enough.
func (g *gateway) rotate() error {
	err := g.file.Close()
	for n := min(g.rotated, compressed); n >= 0 && err == nil; n-- {
		err = os.Rename(g.path(n), g.path(n+1))
	}
	if g.rotated++; err == nil && g.rotated > compressed {
		err = g.compress(g.path(compressed+1), filepath.Join(g.dir, fmt.Sprintf("audit.json.%04d.gz", g.rotated-compressed)))
	}
	g.lines = 0
	return errors.Join(err, g.open())
}

// compress replaces a file by a compressed one.
func (g *gateway) compress(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, err = zw.Write(text)
	if err = errors.Join(err, zw.Close()); err != nil {
		return err
	}
	if err := os.WriteFile(to, b.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Remove(from)
}

func (g *gateway) close() error { return g.file.Close() }
