package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/printable"
	"github.com/auditship/auditship/mappings"
)

// onlineCheck prints what the agent's peers say, one finding a line.
type onlineCheck struct {
	*program
	failed      int
	unreachable int // of those, peers without a trusted answer
}

// checkOnline asks everybody that the agent will need.
func (p *program) checkOnline(ctx context.Context, cfg *config.Config) error {
	c := &onlineCheck{program: p}
	if err := c.elasticsearch(ctx, cfg); err != nil {
		return err
	}
	for _, in := range cfg.Inputs {
		c.input(ctx, in, savedOf(cfg.StateDir, in.ID))
	}
	return c.verdict(ctx)
}

// verdict is the error that all answers together make.
func (c *onlineCheck) verdict(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case c.failed == 0:
		return nil
	case c.failed == c.unreachable:
		return unreachable(fmt.Errorf("%s not reached", count(c.unreachable, "peer")))
	}
	return fmt.Errorf("%s failed", count(c.failed, "check"))
}

func (c *onlineCheck) ok(what string) {
	_, _ = fmt.Fprintln(c.stdout, "ok     "+printable.Line(what)) // the exit code says it too
}

// fail prints what failed, and indented below it what to do.
func (c *onlineCheck) fail(what, advice string) {
	c.failed++
	c.say("FAILED", what, advice)
}

func (c *onlineCheck) say(mark, what, advice string) {
	_, _ = fmt.Fprintln(c.stdout, mark+" "+printable.Line(what))
	for line := range strings.Lines(strings.TrimSpace(advice)) {
		_, _ = fmt.Fprint(c.stdout, "       "+printable.Text(line))
	}
	if advice != "" {
		_, _ = fmt.Fprintln(c.stdout)
	}
}

// elasticsearch checks the way there, the privileges and the version. Its error is
// one of configuration.
func (c *onlineCheck) elasticsearch(ctx context.Context, cfg *config.Config) error {
	client, err := newElasticsearch(cfg.Elasticsearch)
	if err != nil {
		return err
	}
	defer client.Close()
	needs, err := mappings.AgentPrivileges(cfg.Elasticsearch.Namespace)
	if err != nil {
		return err
	}
	missing, err := client.CheckPrivileges(ctx, needs)
	var answer *exporter.Error
	switch {
	case errors.Is(err, exporter.ErrSecurityOff):
		c.ok("Elasticsearch: security is off, everybody may do everything")
	case errors.As(err, &answer) && answer.Status == 401:
		c.fail("Elasticsearch does not accept the agent's key or password (401)",
			"It is wrong, expired or invalidated. A new key: auditship setup --username elastic --create-key FILE")
		return nil
	case errors.As(err, &answer):
		c.fail("Elasticsearch: "+err.Error(), "")
		return nil
	case err != nil:
		c.unreachable++
		c.fail("Elasticsearch: "+err.Error(), exporter.Advice(err))
		return nil
	default:
		if err := c.privileges(needs, missing); err != nil {
			return err
		}
	}
	c.version(ctx, client)
	c.keyExpires(ctx, client)
	c.destination(ctx, client, cfg.Elasticsearch.Namespace)
	return nil
}

// destination checks what the next write will really hit.
func (c *onlineCheck) destination(ctx context.Context, client *exporter.Client, namespace string) {
	exists, err := mappings.CheckDestination(ctx, client, namespace)
	var answer *exporter.Error
	stream := "data stream " + mappings.StreamName(namespace)
	switch {
	case errors.As(err, &answer) && answer.Status == 403:
		// The privilege that is missing has been named.
	case err != nil:
		c.fail("Elasticsearch: "+err.Error(), "")
	case exists:
		c.ok(stream + " is made by auditship's templates")
	default:
		c.ok(stream + " is made with the first record; auditship setup --verify proves by which templates")
	}
}

// expiresSoon is how long before its end a key is warned of.
const expiresSoon = 14 * 24 * time.Hour

// keyExpires warns of a key that ends soon. A server that does not tell does not matter:
// the key works now.
func (c *onlineCheck) keyExpires(ctx context.Context, client *exporter.Client) {
	until, err := client.KeyExpires(ctx)
	if err != nil || until.IsZero() {
		return
	}
	what := "Elasticsearch: the agent's key is good until " + until.UTC().Format(time.DateOnly)
	if time.Until(until) > expiresSoon {
		c.ok(what)
		return
	}
	c.say("WARN  ", what, "A new one: move its file away, then auditship setup --username elastic --create-key FILE --expires 90d")
}

// privileges prints each that is needed, and the role that grants those missing.
func (c *onlineCheck) privileges(needs exporter.Privileges, missing []exporter.Privilege) error {
	lacks := map[exporter.Privilege]bool{}
	for _, m := range missing {
		lacks[m] = true
	}
	for _, one := range needs.Each() {
		if lacks[one] {
			c.fail(one.String(), "")
		} else {
			c.ok(one.String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	role, err := mappings.AgentRoleRequest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, `
The agent's role grants what is missing. "auditship setup" installs it and, with
--create-key FILE, makes a key with exactly these rights. By hand, in Kibana's console:

%s
`, role)
	return err
}

// version checks that this Elasticsearch is new enough.
func (c *onlineCheck) version(ctx context.Context, client *exporter.Client) {
	info, err := client.Info(ctx)
	if err == nil {
		err = info.Supported()
	}
	var answer *exporter.Error
	switch {
	case errors.As(err, &answer) && answer.Status == 403:
		// The privilege that is missing has been named.
	case err != nil:
		c.fail("Elasticsearch: "+err.Error(), "")
	case info.Serverless:
		c.ok("Elasticsearch Serverless")
	default:
		c.ok(fmt.Sprintf("Elasticsearch %s, cluster %s", info.Version, info.ClusterName))
	}
}

// input checks that an input can be read.
func (c *onlineCheck) input(ctx context.Context, in config.Input, saved []event.Saved) {
	for _, f := range input.Check(ctx, in, saved) {
		what := "input " + string(in.ID) + ": " + f.What
		switch {
		case f.Failed:
			if f.Unreachable {
				c.unreachable++
			}
			c.fail(what, f.Advice)
		case f.Warning:
			c.say("WARN  ", what, f.Advice)
		default:
			c.ok(what)
		}
	}
}

// savedOf lists the saved positions of an input, as far as they can be read: they only
// make a finding clearer.
func savedOf(stateDir string, id event.InputID) (saved []event.Saved) {
	entries, err := checkpoint.Read(stateDir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.Stream.Input == id {
			saved = append(saved, event.Saved{Stream: e.Stream, Position: e.Position, Age: time.Since(e.Saved)})
		}
	}
	return saved
}
