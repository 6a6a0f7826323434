package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/esnode/faultproxy"
)

var (
	chaosFor  = flag.Duration("chaos.for", 2*time.Minute, "how long TestChaos goes on")
	chaosSeed = flag.Uint64("chaos.seed", 1, "what TestChaos and TestInterleavings decide by; the rest is up to the system's timing")
)

// chaos is a trail whose agent is killed again and again, whose node is stopped and
// started, with a proxy between them that breaks things.
type chaos struct {
	*trail
	gateway *gateway
	proxy   *faultproxy.Proxy
	faulty  atomic.Bool // the proxy may break things
	done    chaosCounts
}

type chaosCounts struct{ kills, stops, outages, rollovers int }

// random makes a source of decisions; each goroutine has its own.
func random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(*chaosSeed, stream)) }

func newChaos(t *testing.T) *chaos {
	c := &chaos{trail: newTrailOn(t, estest.Private(t, esnode.Options{}))}
	c.gateway = newGateway(c.path(""), random(1))
	all := faultproxy.All()
	proxy, err := faultproxy.Start(c.node.URL, c.node.CAFile, func(path string) faultproxy.Fault {
		// What comes before a bulk request has to pass often enough to see some.
		if !c.faulty.Load() || rand.IntN(5) == 0 || !strings.HasSuffix(path, "/_bulk") && rand.IntN(5) > 0 {
			return faultproxy.None
		}
		return all[rand.IntN(len(all))]
	})
	c.must(err)
	c.proxy = proxy
	t.Cleanup(func() { _ = proxy.Close() }) // nobody uses it any more
	return c
}

// write writes and rotates files until ctx ends.
func (c *chaos) write(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := c.gateway.step(25); err != nil {
			return fmt.Errorf("gateway: %w", err)
		}
		sleep(ctx, time.Duration(c.gateway.random.IntN(50))*time.Millisecond)
	}
	return nil
}

// run starts the agent and kills it, or now and then stops it, until ctx ends.
func (c *chaos) run(ctx context.Context) error {
	r := random(2)
	for ctx.Err() == nil {
		// With little skew some records go blind, with the default all are
		// looked up while the stream is young.
		skew := []string{"1s", "2h"}[r.IntN(2)]
		if err := c.configure(c.settings(skew)); err != nil {
			return err
		}
		agent, err := c.command("run")
		if err != nil {
			return err
		}
		if err := agent.Start(); err != nil {
			return err
		}
		sleep(ctx, 500*time.Millisecond+time.Duration(r.IntN(6000))*time.Millisecond)
		if err := c.end(agent, r.IntN(6) == 0); err != nil {
			return err
		}
	}
	return nil
}

func (c *chaos) settings(skew string) settings {
	return settings{url: c.proxy.URL, es: ", clock_skew: " + skew, more: "shutdown_timeout: 1s"}
}

// end ends the agent. A stop in order has its time, whatever is broken.
func (c *chaos) end(agent *exec.Cmd, inOrder bool) error {
	if !inOrder {
		c.done.kills++
		err := agent.Process.Kill()
		_ = agent.Wait() // killed, it says
		return err
	}
	c.done.stops++
	began := time.Now()
	if err := agent.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = agent.Wait() // the signal may come before it is listened to
	if took := time.Since(began); took > patience {
		return fmt.Errorf("stopping took %v, the configuration allows 1s for what was read", took)
	}
	return nil
}

// trouble makes trouble with Elasticsearch until ctx ends, each kind in turn.
func (c *chaos) trouble(ctx context.Context) error {
	r := random(3)
	for {
		kinds := []func(context.Context) error{
			c.rollOver, c.breakThings, c.rollOver, c.crash, c.breakThings, c.freeze, c.rollOver, c.restart,
		}
		for _, kind := range kinds {
			sleep(ctx, time.Duration(500+r.IntN(2500))*time.Millisecond)
			if ctx.Err() != nil {
				return nil
			}
			// An outage is always ended.
			if err := kind(context.WithoutCancel(ctx)); err != nil {
				return err
			}
		}
	}
}

func (c *chaos) rollOver(ctx context.Context) error {
	status, answer, err := c.node.Do(ctx, "POST", "/"+c.stream+"/_rollover", nil)
	switch {
	case err != nil:
		return err
	case status == 404:
		return nil // nothing was sent yet
	case status >= 300:
		return fmt.Errorf("rollover: %d %s", status, answer)
	}
	c.done.rollovers++
	return nil
}

// breakThings lets the proxy break things, and the stream roll over behind it.
func (c *chaos) breakThings(ctx context.Context) error {
	c.faulty.Store(true)
	defer c.faulty.Store(false)
	sleep(ctx, 4*time.Second)
	err := c.rollOver(ctx)
	sleep(ctx, 3*time.Second)
	return err
}

// crash kills Elasticsearch and starts it again.
func (c *chaos) crash(ctx context.Context) error {
	c.done.outages++
	if err := c.node.Kill(); err != nil {
		return err
	}
	return c.node.Restart(ctx)
}

func (c *chaos) restart(ctx context.Context) error {
	c.done.outages++
	return c.node.Restart(ctx)
}

// freeze leaves requests without an answer for a while.
func (c *chaos) freeze(ctx context.Context) error {
	c.done.outages++
	if err := c.node.Pause(); err != nil {
		return err
	}
	sleep(ctx, 4*time.Second)
	return c.node.Continue()
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// readAgain lets an agent read every file again that knows no positions, and checks
// its ledger: all it read was there.
func (c *chaos) readAgain() {
	address, err := freeAddress()
	c.must(err)
	c.must(os.Remove(filepath.Join(c.dir, "state", "positions.log")))
	s := c.settings("2h")
	s.http, s.more = address, "shutdown_timeout: 5m"
	c.must(c.configure(s))
	agent := c.start()
	want := c.gateway.onDisk()
	c.untilWithin(*chaosFor+patience, fmt.Sprintf("%d records to be read again", want), func() bool {
		return c.metric(address, `auditship_records_read_total{input="files"}`) >= float64(want)
	})
	c.stop(agent)
	if l := c.lastLedger(); l.Read != want || l.Duplicate != want {
		c.t.Errorf("read everything again: %+v, want %d duplicates and nothing else", l, want)
	}
}

// R1, R2, R6, R11, R12, R13, R17: files are written, rotated and compressed; the
// agent is killed every few seconds; Elasticsearch is killed, restarted, frozen, slow,
// refusing and breaking off; the stream rolls over. The set of ids in the stream is
// the set that was written, no id is there twice across its backing indices, nothing
// is a dead letter, and the ledger adds up.
func TestChaos(t *testing.T) {
	t.Parallel()
	t.Logf("seed %d", *chaosSeed)
	c := newChaos(t)
	ctx, cancel := context.WithTimeout(t.Context(), *chaosFor)
	defer cancel()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return c.write(ctx) })
	all.Go(func() error { return c.run(ctx) })
	all.Go(func() error { return c.trouble(ctx) })
	if err := all.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, c.log())
	}

	patient := c.settings("2h")
	patient.more = "shutdown_timeout: 5m" // what it has read by then is to be settled
	c.must(c.configure(patient))
	last := c.start()
	want := c.gateway.expected()
	c.untilWithin(*chaosFor+patience, fmt.Sprintf("%d documents", want), func() bool { return c.count() >= want })
	c.stop(last)
	if l := c.lastLedger(); l.Read != l.Indexed+l.Duplicate {
		t.Errorf("the last agent's ledger: %+v", l)
	}
	lost, twice := c.lostAndTwice(c.gateway)
	c.readAgain()
	if n := c.count(); n != want+twice {
		t.Errorf("%d documents after everything was read again, %d before", n, want+twice)
	}
	if t.Failed() {
		t.Log(c.log())
	}
	if info, err := os.Stat(filepath.Join(c.dir, "state", "dead-letter", "letters.ndjson")); err == nil {
		t.Errorf("%d bytes of dead letters", info.Size())
	}
	t.Logf("%v: %d events, %d files renamed, %d truncated, %d compressed; agent killed %d and stopped %d times; %d outages, %d rollovers; faults %v; lost %d, twice %d",
		*chaosFor, want, c.gateway.counts.renamed, c.gateway.counts.truncated, c.gateway.counts.compressed,
		c.done.kills, c.done.stops, c.done.outages, c.done.rollovers, c.proxy.Counts(), lost, twice)
	if c.done.kills == 0 || c.done.outages == 0 || c.done.rollovers == 0 {
		t.Error("there was too little chaos to prove anything")
	}
}
