package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
	reports "github.com/auditship/auditship/exporter/report"
)

// advice is the next step after an error that people meet when they begin, or "".
func advice(err error) string {
	var refused *exporter.Error
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return "auditship check --online shows the authority; trust it by ca_file or ca_fingerprint"
	case errors.As(err, &refused) && refused.Status == 401:
		return "look at api_key, or username and password; auditship setup --create-key FILE makes the agent a key"
	case errors.As(err, &refused) && refused.Status == 403:
		return "auditship check --online names each privilege that the agent lacks; setup takes --username"
	case errors.Is(err, reports.ErrNoStream):
		return "auditship setup makes its templates, run and import fill it; --namespace names another"
	case errors.Is(err, checkpoint.ErrLocked):
		return "wait for the other one, or give this one a state_dir of its own"
	case errors.Is(err, fs.ErrPermission):
		return "call it as the agent's user, or as one who may read and write there"
	case errors.Is(err, peer.ErrUnreachable), exporter.NotSent(err):
		return "look at elasticsearch.urls and whether it runs; auditship check --online asks everybody"
	}
	return ""
}

// unread is the error of a configuration that cannot be read.
func unread(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return misused(fmt.Errorf("%w; write it, or name yours with -c", err))
	}
	return misused(err)
}
