package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/term"

	"github.com/auditship/auditship/agent/config"

	"github.com/auditship/auditship/agent/strictyaml"
)

// passwordVariables may hold the password of --username. The second is what
// Elastic's own images call it.
var passwordVariables = []string{"AUDITSHIP_SETUP_PASSWORD", "ELASTIC_PASSWORD"}

// notYet stands for secrets of the configuration that are not there yet: setup
// runs before the agent has its key, and maybe as a user who may not read it.
const notYet = "not-there-when-setup-ran"

// configuration reads what setup needs. Inputs and secrets may be missing, and with
// --print the whole file, unless it was named.
func (s *setup) configuration(named bool) (*config.Config, error) {
	cfg, strict := config.Load(s.configPath)
	if strict == nil {
		return cfg, nil
	}
	if s.print != "" && !named && errors.Is(strict, fs.ErrNotExist) {
		defaults := config.Default()
		return &defaults, nil
	}
	var mistakes strictyaml.Errors
	if !errors.As(strict, &mistakes) {
		return nil, unread(strict)
	}
	data, err := os.ReadFile(s.configPath)
	if err != nil {
		return nil, misused(fmt.Errorf("read configuration: %w", err))
	}
	cfg, err = config.Parse(s.configPath, data, config.Env{Unresolved: notYet, NoInputs: true})
	if err != nil {
		return nil, misused(strict) // it says more about what is wrong
	}
	return cfg, nil
}

// credentials decides whom setup signs in as: --username, else the configured
// user, else the configured key.
func (s *setup) credentials(ctx context.Context, es config.Elasticsearch) (config.Elasticsearch, error) {
	switch {
	case s.username != "":
		password, err := s.password(ctx)
		if err != nil {
			return es, err
		}
		es.Username, es.Password, es.APIKey = s.username, config.NewSecret(password), config.Secret{}
	case es.Username != "" && !missing(es.Password):
		es.APIKey = config.Secret{}
	case s.keyFile != "":
		return es, misused(errors.New("--create-key: an API key cannot make another one that has rights, so setup has to sign in as a user: give --username"))
	case missing(es.APIKey):
		es.APIKey = config.Secret{} // a server with security off
		return es, nil
	}
	if !es.InsecureHTTP && slices.ContainsFunc(es.URLs, config.SendsInClear) {
		return es, misused(errors.New("elasticsearch.urls: setup would send the credentials over the network in the clear; use https://, or set insecure_http: true there"))
	}
	return es, nil
}

// missing says that a secret is not set, or not there yet.
func missing(secret config.Secret) bool {
	value, err := secret.Reveal()
	return err != nil || value == "" || value == notYet
}

// password is that of --username, from the environment or asked for.
func (s *setup) password(ctx context.Context) (string, error) {
	for _, name := range passwordVariables {
		if value := os.Getenv(name); value != "" {
			return value, nil
		}
	}
	in, ok := s.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", misused(fmt.Errorf("no password for %s: set %s, or run setup on a terminal", s.username, passwordVariables[0]))
	}
	return s.ask(ctx, in)
}

// ask reads the password without showing it. The first Ctrl-C ends the context
// but not the reading: it gives the terminal its echo back, and the next one
// ends the process.
func (s *setup) ask(ctx context.Context, in *os.File) (string, error) {
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return "", fmt.Errorf("prepare the terminal: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = term.Restore(int(in.Fd()), before) }) // the process is about to end
	defer stop()
	if _, err := fmt.Fprintf(s.stderr, "Password of %s: ", s.username); err != nil {
		return "", err
	}
	password, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(s.stderr) // the return key was not shown
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if len(password) == 0 {
		return "", misused(errors.New("the password is empty"))
	}
	return string(password), nil
}
