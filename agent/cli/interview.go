package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/firstrun"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/mappings"
)

// asks says that a person can be asked.
func (f *first) asks() bool {
	in, ok := f.stdin.(*os.File)
	return ok && term.IsTerminal(int(in.Fd()))
}

// interview asks for what no flag has said, and tests each answer.
func (f *first) interview(ctx context.Context) error {
	q := &questions{first: f, in: bufio.NewReader(untilDone(ctx, f.stdin))}
	for _, topic := range []func(context.Context) error{q.gateway, q.files, q.elasticsearch, q.kibana} {
		if err := topic(ctx); err != nil {
			return err
		}
	}
	return nil
}

// questions are asked on standard error and answered on standard input.
type questions struct {
	*first
	in *bufio.Reader
}

// ask reads one answer, the default where it is empty.
func (q *questions) ask(question, byDefault string) (string, error) {
	if byDefault != "" {
		question += " [" + byDefault + "]"
	}
	if _, err := fmt.Fprint(q.stderr, question+": "); err != nil {
		return "", err
	}
	line, err := q.in.ReadString('\n')
	line = strings.TrimSpace(line)
	switch {
	case errors.Is(err, io.EOF) && line == "":
		return "", misused(errNoAnswer)
	case err != nil && !errors.Is(err, io.EOF):
		return "", err
	case line == "":
		return byDefault, nil
	}
	return line, nil
}

// again says that an answer failed its test, and asks whether to answer anew.
func (q *questions) again() (bool, error) {
	answer, err := q.ask("Keep it anyway? yes, or no to answer again", "no")
	return err == nil && !strings.HasPrefix(strings.ToLower(answer), "y"), err
}

func (q *questions) gateway(ctx context.Context) (err error) {
	a := &q.answers
	if q.given {
		return nil
	}
	for {
		if a.GatewayURL, err = q.ask("Address of the gateway's dashboard, such as https://dashboard.example.com:7443; empty for files only", ""); err != nil || a.GatewayURL == "" {
			return err
		}
		if err := q.askToken(); err != nil {
			return err
		}
		if q.tested(ctx, func(c *onlineCheck, cfg *config.Config) error {
			c.input(ctx, cfg.Inputs[0], nil)
			return nil
		}) {
			return nil
		}
		if anew, err := q.again(); !anew {
			return err
		}
		a.TokenFile, q.token = "", ""
	}
}

// askToken asks for the file with the token, or for the token itself.
func (q *questions) askToken() (err error) {
	a := &q.answers
	if a.TokenFile != "" {
		return nil
	}
	var answer string
	err = q.silently(func() error {
		answer, err = q.ask("The gateway's token (it is not shown), or the path of a file with it", "")
		return err
	})
	if err != nil {
		return err
	}
	if strings.ContainsAny(answer, "/\\") || q.exists(answer) {
		a.TokenFile = answer
		return nil
	}
	q.token, a.TokenFile = answer, "gateway.token"
	return nil
}

// silently calls read while a terminal does not show what is typed.
func (q *questions) silently(read func() error) error {
	terminal, ok := q.stdin.(*os.File)
	if !ok {
		return read()
	}
	defer func() { _, _ = fmt.Fprintln(q.stderr) }() // the return key was not shown
	return withoutEcho(terminal, read)
}

func (q *questions) files(context.Context) error {
	a := &q.answers
	if q.given {
		return nil
	}
	glob, err := q.ask("Glob of audit files to read as well, such as /var/log/api7/audit/*.json*; empty for none", "")
	if err == nil && glob != "" {
		a.Paths = []string{glob}
	}
	if err == nil && glob == "" && a.GatewayURL == "" {
		return misused(firstrun.ErrNoInput)
	}
	return err
}

func (q *questions) elasticsearch(ctx context.Context) error {
	a := &q.answers
	for {
		if len(a.URLs) == 0 {
			url, err := q.ask("Address of Elasticsearch", "https://localhost:9200")
			if err != nil {
				return err
			}
			a.URLs = []string{url}
		}
		if q.tested(ctx, func(c *onlineCheck, cfg *config.Config) error {
			return c.reachElasticsearch(ctx, cfg.Elasticsearch)
		}) {
			return nil
		}
		pin, err := q.ask("Path of the authority's certificate (http_ca.crt), or its SHA-256; empty to go on", "")
		switch {
		case err != nil:
			return err
		case pin == "":
			if anew, err := q.again(); !anew {
				return err
			}
			a.URLs, a.CAFile, a.CAFingerprint = nil, "", ""
		case strings.ContainsAny(pin, "/.\\"):
			a.CAFile, a.CAFingerprint = pin, ""
		default:
			a.CAFile, a.CAFingerprint = "", pin
		}
	}
}

func (q *questions) kibana(context.Context) (err error) {
	if q.answers.KibanaURL != "" {
		return nil
	}
	q.answers.KibanaURL, err = q.ask("Address of Kibana, for dashboards and searches; empty for none", "")
	return err
}

// tested says whether the answers so far can be used and a test of them succeeds.
func (q *questions) tested(ctx context.Context, test func(*onlineCheck, *config.Config) error) bool {
	answers := q.answers
	if answers.GatewayURL == "" && len(answers.Paths) == 0 {
		answers.Paths = []string{"/nothing"}
	}
	_, cfg, err := firstrun.Render(q.configPath, answers)
	if err != nil {
		_, _ = fmt.Fprintln(q.stderr, err)
		return false
	}
	if q.offline {
		return true
	}
	if q.token != "" {
		cfg.Inputs[0].API.APIKey = config.NewSecret(q.token)
	}
	c := &onlineCheck{program: q.program}
	if err := test(c, cfg); err != nil {
		_, _ = fmt.Fprintln(q.stderr, err)
		return false
	}
	return c.verdict(ctx) == nil
}

// reachElasticsearch checks the way there as far as is possible before setup has made
// the agent's key. Its error is one of configuration.
func (c *onlineCheck) reachElasticsearch(ctx context.Context, es config.Elasticsearch) error {
	es.APIKey = config.Secret{}
	client, err := newElasticsearch(es)
	if err != nil {
		return err
	}
	defer client.Close()
	needs, err := mappings.AgentPrivileges(es.Namespace)
	if err != nil {
		return err
	}
	_, err = client.CheckPrivileges(ctx, needs)
	var answer *exporter.Error
	switch {
	case err == nil, errors.Is(err, exporter.ErrSecurityOff):
		c.ok("Elasticsearch answers, and asks for no credentials")
	case errors.As(err, &answer) && answer.Status == 401:
		c.ok("Elasticsearch answers, and is trusted; setup makes the agent's key")
	case errors.As(err, &answer):
		c.fail("Elasticsearch: "+err.Error(), "")
	default:
		c.unreachable++
		c.fail("Elasticsearch: "+err.Error(), exporter.Advice(err))
	}
	return nil
}
