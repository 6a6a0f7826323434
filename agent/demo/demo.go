package demo

import (
	"context"
	"crypto/rand"
	_ "embed" // auditship.yml.tmpl
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditship/auditship/exporter/esnode"
)

// Options of a demo.
type Options struct {
	Program string    // the auditship binary
	Dir     string    // for everything that is written; made if missing
	Records int       // at least 1,000
	Keep    bool      // leave Elasticsearch and agent running until ctx ends
	Out     io.Writer // for the person who watches
}

const (
	days   = 40
	seed   = 20260101
	stream = "logs-api7.audit-default"
)

//go:embed auditship.yml.tmpl
var configText string

// demo is one run.
type demo struct {
	Options
	began   time.Time
	node    *esnode.Node
	gateway *gateway
	program program
	agent   *agent // the one that runs now

	services errgroup.Group // ends with the context of Run
}

// Run tells the whole story. It fails if any promise is not kept.
func Run(ctx context.Context, o Options) (err error) {
	d := &demo{Options: o, began: time.Now()}
	if d.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	if err := emptyFolder(d.Dir); err != nil {
		return err
	}
	d.say("Starting Elasticsearch %s (the first time on a machine it is fetched, about 100 MB)", esnode.DefaultVersion)
	if d.node, err = esnode.Start(ctx, esnode.Options{}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		err = errors.Join(err, d.services.Wait(), d.node.Stop())
	}()
	for _, step := range []func(context.Context) error{d.setUp, d.ship, d.stories, d.tamper, d.prove, d.lookFurther} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// marker is the file by which the demo knows a folder as its own.
const marker = ".auditship-demo"

// emptyFolder makes a new folder for the demo. It removes an old one only if a demo
// made it.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil && len(entries) > 0 {
		return fmt.Errorf("%s holds files that are not the demo's: name another folder with --dir", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, marker), nil, 0o644)
}

// say prints what happens next.
func (d *demo) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.Out, "\n== %4.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...)) // a demo without a reader is no error
}

func (d *demo) print(format string, args ...any) {
	_, _ = fmt.Fprintf(d.Out, "   "+format+"\n", args...) // as above
}

// setUp starts the gateway, installs templates, retention and roles, and makes the
// agent's key.
func (d *demo) setUp(ctx context.Context) error {
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	d.program = program{path: d.Program, dir: d.Dir, listen: listen}
	if d.gateway, err = newGateway(filepath.Join(d.Dir, "audit"), seed); err != nil {
		return err
	}
	token := rand.Text()
	if err := os.WriteFile(filepath.Join(d.Dir, "gateway.token"), []byte(token), 0o600); err != nil {
		return err
	}
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.services.Go(func() error { return d.gateway.serve(ctx, api, token) })
	if err := d.writeConfig(listen, "http://"+api.Addr().String()); err != nil {
		return err
	}
	d.say("auditship setup: retention, templates, roles, and a key for the agent that can do no more than it must")
	return d.program.call(ctx, d.Out, []string{"AUDITSHIP_SETUP_PASSWORD=" + d.node.Password},
		"setup", "--username", d.node.Username, "--create-key", filepath.Join(d.Dir, "agent.key"))
}

func (d *demo) writeConfig(listen, gateway string) error {
	t, err := template.New("auditship.yml").Parse(configText)
	if err != nil {
		return err
	}
	var text strings.Builder
	err = t.Execute(&text, map[string]string{"Dir": d.Dir, "URL": d.node.URL, "CAFile": d.node.CAFile, "HTTP": listen, "Gateway": gateway})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.Dir, "auditship.yml"), []byte(text.String()), 0o600)
}

// ship lets the gateway write while the agent runs, is killed, and runs again.
func (d *demo) ship(ctx context.Context) error {
	records := d.gateway.history(time.Now(), days, d.Records)
	cut := len(records) / 5
	d.say("The gateway records %d operations of %d days, in its audit API and in a file that grows and rotates", len(records), days)
	if err := d.gateway.write(ctx, records[:cut], 0); err != nil {
		return err
	}
	d.say("auditship run: the agent, a process of its own, with that key, reading both")
	first, err := d.program.start(ctx)
	if err != nil {
		return err
	}
	writing := make(chan error, 1)
	go func() { writing <- d.gateway.write(ctx, records[cut:], 40*time.Millisecond) }()
	err = d.interrupt(ctx, first, cut/2)
	if err = errors.Join(err, <-writing, d.gateway.close()); err != nil {
		return err
	}
	if err := waitFor(ctx, "all records", func() (bool, error) { return d.arrived(ctx) }); err != nil {
		return err
	}
	return waitFor(ctx, "the audit API to be read to its end", func() (bool, error) { return d.program.settled(ctx, len(records)) })
}

// interrupt kills the agent in the middle of its work, rolls the stream over while
// it is gone, and starts it again.
func (d *demo) interrupt(ctx context.Context, first *agent, enough int) error {
	err := waitFor(ctx, "the first records", func() (bool, error) {
		n, err := d.program.indexed(ctx)
		return n > enough, err
	})
	if err = errors.Join(err, first.kill()); err != nil {
		return err
	}
	d.say("kill -9 in the middle of its work; the data stream rolls over while the agent is gone")
	if err := call(ctx, d.node, "POST", "/"+stream+"/_rollover", nil, nil); err != nil {
		return err
	}
	d.say("The agent starts again and has to find out what had arrived")
	d.agent, err = d.program.start(ctx)
	return err
}

// arrived reports whether as many documents are there as were written.
func (d *demo) arrived(ctx context.Context) (bool, error) {
	if err := call(ctx, d.node, "POST", "/"+stream+"/_refresh", nil, nil); err != nil {
		return false, err
	}
	var count struct{ Count int }
	err := call(ctx, d.node, "GET", "/"+stream+"/_count", nil, &count)
	return count.Count >= len(d.gateway.written), err
}

// story is one of the two stories of the README.
type story struct {
	title, file string
	filters     []string
}

var storyFilters = []story{
	{"Story 1: every \"Add Service\" by operator Ops in the last 30 days", "story-1", []string{"--event", "Add Service", "--operator", "Ops", "--last", "30d"}},
	{"Story 2: everything done to the service httpbin in the last 7 days", "story-2", []string{"--resource-id", "fb2a549b-f5a8-46ee-b9c6-b0cc167ec5ae", "--last", "7d"}},
}

// stories prints both stories as tables, one record of each with its details, and
// writes both as CSV and JSON.
func (d *demo) stories(ctx context.Context) error {
	env := []string{"ES_PASSWORD=" + d.node.Password}
	for _, s := range storyFilters {
		d.say("%s", s.title)
		d.print("auditship export %s", quoted(s.filters))
		for _, more := range [][]string{
			{"--format", "table", "--limit", "12"},
			{"--format", "table", "--details", "--limit", "1"},
			{"--format", "csv", "--details", "-o", filepath.Join(d.Dir, s.file+".csv")},
			{"--format", "json", "--details", "-o", filepath.Join(d.Dir, s.file+".json")},
		} {
			args := append(append([]string{"export"}, s.filters...), more...)
			if err := d.program.call(ctx, d.Out, env, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// quoted is the arguments as a shell takes them.
func quoted(args []string) string {
	args = slices.Clone(args)
	for i, a := range args {
		if strings.Contains(a, " ") {
			args[i] = fmt.Sprintf("%q", a)
		}
	}
	return strings.Join(args, " ")
}

// prove stops the agent and checks every promise against what is in the stream.
func (d *demo) prove(ctx context.Context) error {
	d.say("The proof")
	p, err := everything(ctx, d.node, stream)
	if err != nil {
		return err
	}
	if err := p.exactly(d.gateway.written); err != nil {
		return err
	}
	secrets := d.gateway.generator.Secrets()
	state, err := readFolder(filepath.Join(d.Dir, "state"), filepath.Join(d.Dir, "agent.log"))
	if err != nil {
		return err
	}
	if n := leaked(p.text, secrets) + leaked(state, secrets); n > 0 {
		return fmt.Errorf("%d of %d planted secrets were found", n, len(secrets))
	}
	if !d.Keep {
		if err := d.agent.stop(); err != nil {
			return fmt.Errorf("the agent did not stop in order: %w", err)
		}
		if err := d.printLedger(); err != nil {
			return err
		}
	}
	d.print("%d records written, %d in the data stream, each once, in %d backing indices", len(d.gateway.written), len(p.ids), len(p.indices))
	d.print("%d secrets planted, none found in Elasticsearch, state, dead letter or log", len(secrets))
	return nil
}

// printLedger shows the account of the agent that ran last; the first one was killed
// and could give none.
func (d *demo) printLedger() error {
	ledger, err := d.program.ledger()
	if err != nil {
		return err
	}
	for _, l := range ledger {
		d.print("ledger of %v: read %v = indexed %v + duplicate %v + dead-lettered %v + failure-stored %v + dropped %v + in flight %v", l["input"],
			l["read"], l["indexed"], l["duplicate"], l["dead_lettered"], l["failure_stored"], l["dropped"], l["in_flight"])
	}
	return nil
}

// readFolder reads every file below a folder, and more files.
func readFolder(dir string, more ...string) ([]byte, error) {
	var all []byte
	paths := more
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	for _, path := range paths {
		text, readErr := os.ReadFile(path)
		err = errors.Join(err, readErr)
		all = append(all, text...)
	}
	return all, err
}

// lookFurther says where everything is, and waits if it is to be kept.
func (d *demo) lookFurther(ctx context.Context) error {
	d.say("Done. Look further:")
	d.print("%s   both stories as CSV and JSON, the agent's log and state", d.Dir)
	if !d.Keep {
		d.print("make demo DEMO_FLAGS=--keep   leaves Elasticsearch and the agent running")
		return nil
	}
	d.print("curl --cacert %s -u %s:%s %s/%s/_search?pretty", d.node.CAFile, d.node.Username, d.node.Password, d.node.URL, stream)
	d.print("curl http://%s/metrics", d.program.listen)
	d.print("Ctrl-C stops both.")
	<-ctx.Done()
	return d.agent.stop()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
