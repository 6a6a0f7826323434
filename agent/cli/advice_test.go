package cli

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
	reports "github.com/auditship/auditship/exporter/report"
)

// What people meet when they begin says what to do next, in one more line.
func TestAdvice(t *testing.T) {
	client, err := exporter.New(exporter.Config{Addresses: []string{"http://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, nobody := client.Info(t.Context())
	for name, tt := range map[string]struct {
		err  error
		next string
	}{
		"no such authority":  {x509.UnknownAuthorityError{}, "ca_fingerprint"},
		"refused":            {&exporter.Error{Status: 401}, "api_key"},
		"not allowed":        {&exporter.Error{Status: 403}, "check --online"},
		"nobody there":       {nobody, "elasticsearch.urls"},
		"report unreachable": {peer.ErrUnreachable, "elasticsearch.urls"},
		"no stream":          {reports.ErrNoStream, "auditship setup"},
		"state is locked":    {checkpoint.ErrLocked, "state_dir"},
		"not permitted":      {&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}, "agent's user"},
		"anything":           {errors.New("differs"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			report(&out, fmt.Errorf("import: %w", tt.err))
			first, next, ok := strings.Cut(out.String(), "\nnext: ")
			if ok != (tt.next != "") || !strings.Contains(next, tt.next) || !strings.HasPrefix(first, "auditship: import: ") {
				t.Errorf("%q", out.String())
			}
		})
	}
}

func TestNoConfiguration(t *testing.T) {
	for _, command := range [][]string{{"check"}, {"run"}, {"export"}, {"replay"}, {"setup"}, {"import", "x.json"}} {
		got := runMain(append(command, "-c", "/nonexistent/auditship.yml")...)
		want(t, got, exitMisused, "/nonexistent/auditship.yml: no such file or directory; write it, or name yours with -c\n")
	}
}
