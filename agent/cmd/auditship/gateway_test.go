package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// gateway writes audit files as a gateway and its logrotate do. It is used by one
// goroutine.
type gateway struct {
	dir    string
	random *rand.Rand
	lines  map[string]int // records on disk, by path
	counts gatewayCounts
	old    []string // rotated files that are not compressed yet
}

// gatewayCounts are what it did.
type gatewayCounts struct {
	records, renamed, truncated, compressed int
}

func newGateway(dir string, random *rand.Rand) *gateway {
	return &gateway{dir: dir, random: random, lines: map[string]int{}}
}

func (g *gateway) path(name string) string { return filepath.Join(g.dir, name) }

// names are the files that it writes to.
var names = []string{"audit.json", "adc.json"}

// Every gateway's record names itself in resource_id. Some have no id: their _id is
// made of their bytes, and of how many equal ones came before in their file.
func (g *gateway) record() string {
	n := g.counts.records
	g.counts.records++
	id := fmt.Sprintf(`"id":"r-%d",`, n)
	if n%5 == 0 {
		id = ""
	}
	now := time.Now()
	if n%11 == 0 { // its clock jumps
		now = now.Add(time.Duration(g.random.IntN(13)-6) * time.Hour)
	}
	return fmt.Sprintf(`{%s"event_time":%d,"event_type":"UpdateRoute","resource_id":"m-%d","operator":{"username":"Ops"},"http_request":{"method":"PUT","uri":"/apisix/admin/routes/%d"}}`+"\n", id, now.Unix(), n, n%7)
}

// copies is how many documents record n has to become.
func copies(n int) int {
	if n%35 == 0 {
		return 2
	}
	return 1
}

// expected is how many documents all records have to become.
func (g *gateway) expected() int {
	sum := 0
	for n := range g.counts.records {
		sum += copies(n)
	}
	return sum
}

// lostAndTwice compares the stream with what was written, over all backing indices.
func (tr *trail) lostAndTwice(g *gateway) (lost, twice int) {
	tr.t.Helper()
	times := map[string]int{}
	first := map[string]document{} // of each _id
	tr.documents(func(d document) {
		times[d.Source.API7.Audit.Resource.ID]++
		if before, there := first[d.ID]; there {
			twice++
			if twice <= 20 {
				tr.t.Errorf("twice:\n%s\n%s", before, d)
			}
		}
		first[d.ID] = d
	})
	for n := range g.counts.records {
		marker := fmt.Sprintf("m-%d", n)
		if got := times[marker]; got < copies(n) {
			tr.t.Errorf("%s is there %d times instead of %d", marker, got, copies(n))
			lost += copies(n) - got
		}
		delete(times, marker)
	}
	if len(times) > 0 {
		tr.t.Errorf("documents that nobody wrote: %v", times)
	}
	return lost, twice
}

// write appends records, the last one in two halves.
func (g *gateway) write(most int) error {
	path := g.path(names[g.random.IntN(len(names))])
	var b strings.Builder
	for range 1 + g.random.IntN(most) {
		n := copies(g.counts.records)
		b.WriteString(strings.Repeat(g.record(), n))
		g.lines[path] += n
	}
	text := b.String()
	cut := len(text) - 1 - g.random.IntN(60)
	if err := appendTo(path, text[:cut]); err != nil {
		return err
	}
	if g.random.IntN(4) == 0 {
		time.Sleep(time.Duration(g.random.IntN(30)) * time.Millisecond)
	}
	return appendTo(path, text[cut:])
}

// rotate renames a file, or copies and truncates it.
func (g *gateway) rotate() error {
	from := g.path(names[g.random.IntN(len(names))])
	to := fmt.Sprintf("%s.%d", from, g.counts.renamed+g.counts.truncated)
	if g.lines[from] == 0 {
		return nil
	}
	var err error
	if g.random.IntN(2) == 0 {
		err = os.Rename(from, to)
		g.counts.renamed++
	} else {
		var text []byte
		if text, err = os.ReadFile(from); err == nil {
			err = errors.Join(os.WriteFile(to, text, 0o600), os.Truncate(from, 0))
		}
		g.counts.truncated++
	}
	g.lines[from], g.lines[to] = 0, g.lines[from]
	g.old = append(g.old, to)
	return err
}

// compress replaces the oldest rotated file by its .gz.
func (g *gateway) compress() error {
	if len(g.old) < 2 {
		return nil
	}
	path := g.old[0]
	g.old = g.old[1:]
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".gz", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	half := len(text) / 2
	_, err = z.Write(text[:half])
	err = errors.Join(err, z.Flush())
	time.Sleep(20 * time.Millisecond) // half a .gz is there
	_, also := z.Write(text[half:])
	if err = errors.Join(err, also, z.Close(), f.Close()); err != nil {
		return err
	}
	g.counts.compressed++
	g.lines[path+".gz"] = g.lines[path]
	delete(g.lines, path)
	return os.Remove(path)
}

// onDisk is how many records all files hold together.
func (g *gateway) onDisk() int {
	sum := 0
	for path, n := range g.lines {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			sum += n
		}
	}
	return sum
}

// step does what a gateway does in a moment.
func (g *gateway) step(most int) error {
	switch g.random.IntN(40) {
	case 0, 1:
		return g.rotate()
	case 2:
		return g.compress()
	}
	return g.write(most)
}
