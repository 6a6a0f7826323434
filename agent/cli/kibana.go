package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/kibana"
)

// kibanaSetup is the part of setup that is about Kibana. Without kibana.url it
// does nothing.
type kibanaSetup struct {
	client *kibana.Client // nil: not configured
}

// newKibanaSetup makes the client, which sends nothing. It signs in as kibana
// is configured, else as setup does at Elasticsearch.
func newKibanaSetup(kb config.Kibana, es config.Elasticsearch) (*kibanaSetup, error) {
	if kb.URL == "" {
		return &kibanaSetup{}, nil
	}
	client, err := kibana.New(kibana.Options{
		URL: kb.URL, Space: kb.Space, Credential: kibanaCredential(kb, es),
		CAFile: kb.CAFile, CAFingerprint: kb.CAFingerprint, UserAgent: "auditship",
	})
	if err != nil {
		return nil, misused(fmt.Errorf("kibana: %w", err))
	}
	return &kibanaSetup{client}, nil
}

func kibanaCredential(kb config.Kibana, es config.Elasticsearch) func() (string, error) {
	switch {
	case !missing(kb.APIKey):
		return kibana.APIKey(kb.APIKey.Reveal)
	case kb.Username != "" && !missing(kb.Password):
		return kibana.Basic(kb.Username, kb.Password.Reveal)
	case es.Username != "":
		return kibana.Basic(es.Username, es.Password.Reveal)
	case !es.APIKey.IsZero():
		return kibana.APIKey(es.APIKey.Reveal)
	}
	return nil
}

func (k *kibanaSetup) close() {
	if k.client != nil {
		k.client.Close()
	}
}

// showPlan prints what install would do.
func (k *kibanaSetup) showPlan(ctx context.Context, w io.Writer) error {
	if k.client == nil {
		return nil
	}
	report, err := k.client.Verify(ctx)
	if err != nil {
		return err
	}
	signs := map[kibana.State]string{kibana.Missing: "+", kibana.Outdated: "~", kibana.Changed: "!"}
	for _, f := range report.In(kibana.Missing, kibana.Outdated, kibana.Changed) {
		if _, err := fmt.Fprintf(w, "%s %s\n", signs[f.State], finding(f)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(w, "Kibana: %d of %s as shipped\n", len(report.In(kibana.Current)), count(len(report), "object"))
	return err
}

// install imports what is missing or outdated, and the analyst's role.
func (k *kibanaSetup) install(ctx context.Context, w io.Writer, force bool) error {
	if k.client == nil {
		return nil
	}
	report, err := k.client.Apply(ctx, force)
	if err != nil {
		return err
	}
	done := map[kibana.State]string{kibana.Missing: "imported ", kibana.Outdated: "updated "}
	if force {
		done[kibana.Changed] = "replaced "
	} else {
		done[kibana.Changed] = "left alone "
	}
	for _, f := range report.In(kibana.Missing, kibana.Outdated, kibana.Changed) {
		if _, err := fmt.Fprintln(w, done[f.State]+finding(f)); err != nil {
			return err
		}
	}
	return k.installRole(ctx, w, force)
}

// installRole: a role that a person changed is left alone, and named.
func (k *kibanaSetup) installRole(ctx context.Context, w io.Writer, force bool) error {
	err := k.client.PutRole(ctx, kibana.AnalystRole, force)
	if errors.Is(err, kibana.ErrRoleChanged) {
		_, err = fmt.Fprintf(w, "left alone Kibana role %s: a person changed it\n", kibana.AnalystRole)
		return err
	}
	if err != nil {
		return err
	}
	return nil
}

// verify prints every object and fails unless all are as shipped. One that a
// person changed is theirs to change, and no failure.
func (k *kibanaSetup) verify(ctx context.Context, w io.Writer) error {
	if k.client == nil {
		return nil
	}
	report, err := k.client.Verify(ctx)
	if err != nil {
		return err
	}
	for _, f := range report {
		state := "ok    "
		if f.State == kibana.Missing || f.State == kibana.Outdated {
			state = "FAILED"
		}
		if _, err := fmt.Fprintf(w, "%s %s\n", state, finding(f)); err != nil {
			return err
		}
	}
	if bad := report.In(kibana.Missing, kibana.Outdated); len(bad) > 0 {
		return fmt.Errorf("%d of %s in Kibana not as shipped", len(bad), count(len(report), "object"))
	}
	return nil
}

// printKibanaRoles writes the requests for Kibana's roles in the form of its Dev
// Tools, and says where the objects are.
func printKibanaRoles(w io.Writer) error {
	for _, name := range kibana.RoleNames() {
		body, err := kibana.RoleBody(name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "# role %s in Kibana\nPUT kbn:/api/security/role/%s\n%s\n\n", name, name, bytes.TrimSpace(body)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(w, `# Data view, saved searches and dashboard: auditship setup --print=kibana > api7-audit.ndjson,
# then Stack Management > Saved Objects > Import, with conflicts overwritten.
`)
	return err
}

// finding names an object and how it stands.
func finding(f kibana.Finding) string {
	s := fmt.Sprintf("Kibana %s %q: %s", f.Type, f.Title, f.State)
	if len(f.Differs) > 0 {
		s += " (" + strings.Join(f.Differs, ", ") + ")"
	}
	return s
}
