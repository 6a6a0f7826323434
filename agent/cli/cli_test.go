package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"github.com/auditship/auditship/agent/mask"
	"github.com/auditship/auditship/exporter/esnode/estest"

	"github.com/auditship/auditship/agent/strictyaml"
)

func TestMain(m *testing.M) {
	if os.Getenv(deafVariable) != "" {
		os.Exit(execute(waitingRoot(deaf), &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}, []string{"wait"}))
	}
	goleak.VerifyTestMain(estest.Wrap(m))
}

// outcome is what a call of the program did.
type outcome struct {
	code           int
	stdout, stderr string
}

func runMain(args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := Main(args, strings.NewReader(""), &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// writeConfig writes a configuration into a folder of its own.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "auditship.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const valid = `
inputs:
  - {type: file, id: files, paths: /var/log/api7/*.json}
  - {type: api, id: dashboard, url: "https://gw:7443", api_key: c4nary-s3cret}
elasticsearch: {urls: "https://es:9200", api_key: c4nary-s3cret}
`

func TestUsageMistakes(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown command":         {[]string{"chek"}, "Did you mean this?\n\tcheck"},
		"unknown command, far":    {[]string{"xyzzy"}, `unknown command "xyzzy"`},
		"unknown flag":            {[]string{"check", "--prnt"}, "unknown flag: --prnt (did you mean --print?)"},
		"unknown global flag":     {[]string{"--confg", "x", "check"}, "unknown flag: --confg (did you mean --config?)"},
		"unknown short flag":      {[]string{"check", "-x"}, "unknown shorthand flag: 'x'"},
		"flag without its value":  {[]string{"check", "-c"}, "flag needs an argument"},
		"bad log level":           {[]string{"check", "--log-level", "loud"}, "must be one of trace, debug, info, warn, error"},
		"an argument too many":    {[]string{"check", "file.yml"}, `auditship check takes no arguments, but got "file.yml"`},
		"no shell":                {[]string{"completion"}, "accepts 1 arg(s), received 0"},
		"unknown shell":           {[]string{"completion", "tcsh"}, `invalid argument "tcsh"`},
		"configuration not there": {[]string{"check", "-c", "/nonexistent/auditship.yml"}, "read configuration: /nonexistent/auditship.yml: no such file or directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := runMain(tt.args...)
			if got.code != exitMisused || got.stdout != "" || !strings.HasPrefix(got.stderr, "auditship: ") || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("got %+v, want exit code 2 and %q on stderr", got, tt.want)
			}
		})
	}
}

// Every command teaches how it is used and refuses arguments it does not know.
func TestEveryCommandHasHelp(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Short == "" || len(cmd.Long) < 80 {
				t.Error("no teaching text")
			}
			if examples := strings.Count("\n"+cmd.Example, "auditship "); examples < 2 {
				t.Errorf("%d examples, want two", examples)
			}
			if cmd.Runnable() && (cmd.Args == nil || cmd.RunE == nil) {
				t.Error("Args or RunE is not set")
			}
			args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
			got := runMain(args...)
			if got.code != exitDone || got.stderr != "" || !strings.Contains(got.stdout, cmd.Long) || !strings.Contains(got.stdout, cmd.Example) {
				t.Errorf("%v: %+v", args, got)
			}
		})
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(newRootCommand(&program{}))
}

// The examples of the help use commands, flags and arguments that there are.
func TestExamplesAreReal(t *testing.T) {
	quoted := regexp.MustCompile(`"[^"]*"|\S+`)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			_, call, ok := strings.Cut(line, "auditship ")
			if !ok || strings.Contains(line, "docker run") {
				continue
			}
			call, _, _ = strings.Cut(call, ")")  // of a substitution
			call, _, _ = strings.Cut(call, " |") // only before another program
			call, _, _ = strings.Cut(call, " >")
			call, _, _ = strings.Cut(call, " <")
			root := newRootCommand(&program{})
			found, rest, err := root.Find(quoted.FindAllString(strings.TrimSpace(call), -1))
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil {
				err = found.ValidateFlagGroups()
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %s: %v", cmd.CommandPath(), strings.TrimSpace(line), err)
			}
		}
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(newRootCommand(&program{}))
}

func TestCheck(t *testing.T) {
	got := runMain("check", "-c", writeConfig(t, valid))
	want := regexp.MustCompile(`^configuration ok: 2 inputs \(1 file, 1 api\), [1-9][0-9]* masking rules, documents kept 180d\n$`)
	if got.code != exitDone || got.stderr != "" || !want.MatchString(got.stdout) {
		t.Errorf("got %+v", got)
	}
}

// A rules file stands beside the configuration; its mistakes are shown with
// their place in it.
func TestCheckReadsTheRules(t *testing.T) {
	path := writeConfig(t, valid+"masking: {rules: rules.yml}\n")
	rules := filepath.Join(filepath.Dir(path), "rules.yml")
	put := func(action string) {
		text := "masking:\n  rules:\n    - id: team-names\n      select: {path: http_request.body.name}\n      action: " + action + "\n"
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("redact")
	if got := runMain("check", "-c", path); got.code != exitDone {
		t.Errorf("good rules: %+v", got)
	}
	put("redcat")
	got := runMain("check", "-c", path)
	if got.code != exitMisused || got.stdout != "" || !strings.HasPrefix(got.stderr, rules+":5:") || !strings.Contains(got.stderr, `did you mean "redact"?`) {
		t.Errorf("bad rules: %+v", got)
	}
	if err := os.Remove(rules); err != nil {
		t.Fatal(err)
	}
	if got := runMain("check", "-c", path); got.code != exitMisused || !strings.HasPrefix(got.stderr, rules+": ") {
		t.Errorf("no rules: %+v", got)
	}
}

func TestCheckPrintsEveryMistake(t *testing.T) {
	path := writeConfig(t, "gatway: prod\n"+valid+"retention: 180\napi_key: c4nary-s3cret\n")
	got := runMain("check", "-c", path)
	want := outcome{exitMisused, "", path + `:1:1: gatway: unknown key (did you mean "gateway"?)
` + path + `:7:12: retention: "180" is not a time span such as 30s, 10m, 7d12h or 180d
` + path + `:8:1: api_key: misplaced key; it belongs in an input of type api, or under elasticsearch, or under kibana
`}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestCheckPrint(t *testing.T) {
	got := runMain("check", "--print", "-c", writeConfig(t, valid))
	if got.code != exitDone || strings.Contains(got.stdout+got.stderr, "c4nary") || strings.Count(got.stdout, "'***'") != 2 {
		t.Errorf("%+v", got)
	}
	again := runMain("check", "--print", "-c", writeConfig(t, got.stdout))
	if again.code != exitDone || again.stdout != got.stdout {
		t.Errorf("what was printed is not a configuration that prints the same: %+v", again)
	}
}

func TestExitCode(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	tests := map[string]struct {
		err  error
		want int
	}{
		"none":                     {nil, 0},
		"any":                      {errors.New("differs"), 1},
		"interrupted":              {context.Canceled, 1},
		"misused":                  {fmt.Errorf("export: %w", misused(errors.New("x"))), 2},
		"configuration":            {fmt.Errorf("run: %w", strictyaml.Errors{{File: "f"}}), 2},
		"rules":                    {fmt.Errorf("run: %w", mask.Errors{{File: "f"}}), 2},
		"unreachable":              {fmt.Errorf("check: %w", unreachable(errors.New("x"))), 3},
		"refused":                  {fmt.Errorf("setup: %w", refused), 3},
		"no such host":             {&net.DNSError{Name: "es"}, 3},
		"no answer in time":        {fmt.Errorf("setup: %w", context.DeadlineExceeded), 3},
		"not to be trusted":        {&tls.CertificateVerificationError{Err: errors.New("expired")}, 3},
		"port is taken":            {&net.OpError{Op: "listen", Err: syscall.EADDRINUSE}, 1},
		"a mark wins over network": {misused(refused), 2},
	}
	for name, tt := range tests {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	if err := misused(refused); !errors.Is(err, syscall.ECONNREFUSED) || err.Error() != refused.Error() {
		t.Errorf("a marked error is another one: %v", err)
	}
}

func TestNoCommandShowsHelp(t *testing.T) {
	if got := runMain(); got.code != exitDone || !strings.Contains(got.stdout, "Available Commands:") {
		t.Errorf("%+v", got)
	}
}
