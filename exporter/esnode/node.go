package esnode

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options say how a node runs. The zero value is a node of DefaultVersion with
// TLS, on a free port, with a data folder that Stop removes.
type Options struct {
	// Version of Elasticsearch; empty for the one that the variable EnvVersion
	// names, or DefaultVersion. Only versions whose zip is pinned in this package
	// run.
	Version string
	// Dir holds data, logs and configuration and is kept by Stop; a later Start
	// with the same folder finds the same data, with a new superuser password
	// and new certificates. Empty for a temporary folder. Started by root, the
	// folder is given to the unprivileged user that runs the node.
	Dir string
	// HTTPPort on 127.0.0.1; 0 for a free one.
	HTTPPort int
	// Plain serves HTTP without TLS. Security stays on.
	Plain bool
	// Settings of elasticsearch.yml beyond, or instead of, this package's.
	Settings map[string]string
	// Log receives what the node logs; nil for nothing.
	Log io.Writer
}

// Node is one running Elasticsearch and its superuser. Its methods may be
// called from several goroutines, except Stop, Kill and Restart.
type Node struct {
	URL      string // https://127.0.0.1:port, or http with Options.Plain
	Username string // of the superuser
	Password string
	CAFile   string // PEM of the authority that signed the certificate; empty with Options.Plain

	client *http.Client

	// Below is what only a node started here has.
	opts      Options
	dir       string // data, logs, config, tmp
	temporary bool
	home      string // the distribution
	java      java
	as        *account
	process   *process // nil when the node belongs to someone else
}

const (
	startPatience = 2 * time.Minute
	stopPatience  = 20 * time.Second
)

// Start runs a node and waits until it answers. The context bounds the start,
// not the life of the node. The first start on a machine fetches, unpacks and
// compiles, which takes a minute.
func Start(ctx context.Context, opts Options) (*Node, error) {
	opts.Version = version(opts.Version)
	known, ok := releases[opts.Version]
	if !ok {
		return nil, fmt.Errorf("version %s of Elasticsearch is not pinned here", opts.Version)
	}
	found, err := findJava(ctx, known.java)
	if err != nil {
		return nil, err
	}
	home, err := distribution(ctx, opts.Version, found)
	if err != nil {
		return nil, err
	}
	n := &Node{Username: adminName, Password: rand.Text(), opts: opts, home: home, java: found}
	if err := n.prepare(); err != nil {
		return nil, errors.Join(err, n.removeTemporary())
	}
	if err := n.run(ctx); err != nil {
		return nil, errors.Join(err, n.removeTemporary())
	}
	return n, nil
}

// Attach returns a node that someone else runs, to use Do and what builds on
// it. Stop does nothing to it; Kill, Restart, Pause and Continue are refused.
// caFile is empty for plain HTTP.
func Attach(url, username, password, caFile string) (*Node, error) {
	n := &Node{URL: url, Username: username, Password: password, CAFile: caFile}
	return n, n.connect()
}

// prepare makes the node's folders and the part of its configuration that
// stays.
func (n *Node) prepare() error {
	dir, err := filepath.Abs(n.opts.Dir)
	if n.opts.Dir == "" {
		n.temporary = true
		dir, err = os.MkdirTemp("", "auditship-es-")
	}
	if err != nil {
		return fmt.Errorf("make folder for Elasticsearch: %w", err)
	}
	n.dir = dir
	if n.as, err = unprivileged(); err != nil {
		return err
	}
	if err := makeFolders(dir); err != nil {
		return err
	}
	tls, err := newCertificates()
	if err != nil {
		return err
	}
	if !n.opts.Plain {
		n.CAFile = filepath.Join(dir, "config", "ca.crt")
	}
	return writeIdentity(dir, n.Password, tls)
}

// run starts the process and waits until it serves. On failure no process is
// left.
func (n *Node) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("not ready in "+startPatience.String()))
	defer cancel()
	if err := writeSettings(settings{Dir: n.dir, HTTPPort: n.opts.HTTPPort, TLS: !n.opts.Plain}); err != nil {
		return err
	}
	if err := os.Remove(n.portsFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget the port of the last run: %w", err)
	}
	if err := n.as.give(n.dir); err != nil {
		return fmt.Errorf("give folder to the user of Elasticsearch: %w", err)
	}
	var err error
	if n.process, err = startProcess(n.command(), n.as, n.opts.Log); err != nil {
		return err
	}
	if err := n.await(ctx); err != nil {
		return errors.Join(fmt.Errorf("start Elasticsearch %s: %w", n.opts.Version, err), n.process.kill())
	}
	return nil
}

// command is what bin/elasticsearch runs after its checks of the environment.
func (n *Node) command() *exec.Cmd {
	config := filepath.Join(n.dir, "config")
	lib := func(name string) string { return filepath.Join(n.home, "lib", name, "*") }
	args := []string{
		"-Xms4m", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Dcli.name=server", "-Dcli.script=" + filepath.Join(n.home, "bin", "elasticsearch"),
		"-Dcli.libs=lib/tools/server-cli",
		"-Des.path.home=" + n.home, "-Des.path.conf=" + config,
		"-Des.distribution.type=zip", "-Des.java.type=ES_JAVA_HOME",
		"-cp", lib("") + string(os.PathListSeparator) + lib("cli-launcher"),
		"org.elasticsearch.launcher.CliToolLauncher",
	}
	for _, key := range slices.Sorted(maps.Keys(n.opts.Settings)) {
		args = append(args, "-E", key+"="+n.opts.Settings[key])
	}
	cmd := exec.Command(filepath.Join(n.java.home, "bin", "java"), args...)
	cmd.Dir = n.home // where the launcher looks for the distribution
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HOSTNAME=localhost", "HOME=" + n.dir,
		"ES_JAVA_HOME=" + n.java.home, "ES_TMPDIR=" + filepath.Join(n.dir, "tmp"),
	}
	return cmd
}

func (n *Node) portsFile() string { return filepath.Join(n.dir, "logs", "http.ports") }

// await waits for the port, then for an answer to an authenticated request.
func (n *Node) await(ctx context.Context) error {
	var port int
	for port == 0 {
		if err := n.breath(ctx); err != nil {
			return err
		}
		if content, err := os.ReadFile(n.portsFile()); err == nil {
			port = portOf(content)
		}
	}
	n.opts.HTTPPort = port
	scheme := "https"
	if n.opts.Plain {
		scheme = "http"
	}
	n.URL = (&url.URL{Scheme: scheme, Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}).String()
	if err := n.connect(); err != nil {
		return err
	}
	for {
		status, _, err := n.Do(ctx, http.MethodGet, "/_cluster/health?wait_for_status=yellow&timeout=1s", nil)
		if err == nil && status == http.StatusOK && n.securityReady(ctx) {
			return nil
		}
		if err := n.breath(ctx); err != nil {
			return err
		}
	}
}

// securityReady makes the index of users and roles by a role that it removes again.
// Elasticsearch makes it at its first use, and answers 503 to others who come while it
// is being made.
func (n *Node) securityReady(ctx context.Context) bool {
	const role = "/_security/role/first-role-of-the-node"
	put, _, err := n.Do(ctx, http.MethodPut, role, []byte("{}"))
	if err != nil || put >= http.StatusInternalServerError {
		return false
	}
	removed, _, err := n.Do(ctx, http.MethodDelete, role, nil)
	return err == nil && removed < http.StatusInternalServerError // refused where security is off
}

// breath pauses between two looks at a starting node and reports its end.
func (n *Node) breath(ctx context.Context) error {
	select {
	case <-n.process.done:
		return n.process.ended()
	case <-ctx.Done():
		return fmt.Errorf("%w; its log ends with:\n%s", context.Cause(ctx), n.process.log)
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}

// portOf finds the port that the node took in the file it writes once it
// listens: lines of address:port. 0 when there is none.
func portOf(content []byte) int {
	for line := range strings.Lines(string(content)) {
		_, text, err := net.SplitHostPort(strings.TrimSpace(line))
		if err != nil {
			continue
		}
		if port, err := strconv.ParseUint(text, 10, 16); err == nil && port != 0 {
			return int(port)
		}
	}
	return 0
}

// Stop ends the node and removes its folder unless Options.Dir named it. A
// node that is attached or has ended already is no error.
func (n *Node) Stop() error {
	if n.process == nil {
		return nil
	}
	var err error
	if n.temporary {
		err = n.process.kill() // nothing of it is kept
	} else {
		err = n.process.stop(stopPatience)
	}
	return errors.Join(err, n.removeTemporary())
}

// Kill ends the node at once, as a power cut does (SIGKILL), and keeps its
// data for Restart.
func (n *Node) Kill() error {
	if n.process == nil {
		return errNotOurs
	}
	return n.process.kill()
}

// Restart stops the node in good order, unless it was killed, and runs it again
// with the same data, port, password and certificates.
func (n *Node) Restart(ctx context.Context) error {
	if n.process == nil {
		return errNotOurs
	}
	if err := n.process.stop(stopPatience); err != nil {
		return err
	}
	return n.run(ctx)
}

// Pause freezes the node: connections stay open and nothing answers. Stop ends
// a paused node too, but the death of this process may not: end every Pause
// with Continue or Stop.
func (n *Node) Pause() error {
	if n.process == nil {
		return errNotOurs
	}
	return n.process.signal(pause)
}

// Continue ends a Pause.
func (n *Node) Continue() error {
	if n.process == nil {
		return errNotOurs
	}
	return n.process.signal(proceed)
}

var errNotOurs = errors.New("this Elasticsearch was not started by this process")

func (n *Node) removeTemporary() error {
	if !n.temporary || n.dir == "" {
		return nil
	}
	if err := os.RemoveAll(n.dir); err != nil {
		return fmt.Errorf("remove folder of Elasticsearch: %w", err)
	}
	return nil
}

// sleep waits for a duration or the end of the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
