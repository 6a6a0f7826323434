package cli

import (
	"bytes"
	"fmt"
	"io"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/kibana"
)

// kibanaClient makes setup's client of Kibana, which sends nothing. It signs in as
// kibana is configured, else as setup does at Elasticsearch.
func kibanaClient(kb config.Kibana, es config.Elasticsearch) (*kibana.Client, error) {
	client, err := kibana.New(kibana.Options{
		URL: kb.URL, Space: kb.Space, Credential: kibanaCredential(kb, es),
		CAFile: kb.CAFile, CAFingerprint: kb.CAFingerprint, UserAgent: "auditship",
	})
	if err != nil {
		return nil, misused(fmt.Errorf("kibana: %w", err))
	}
	return client, nil
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

// csvRoles says who may make CSV reports in Kibana, which its versions decide
// differently; kibana/README.md has the whole table.
const csvRoles = "for CSV reports people need, on Kibana 8.x, the roles auditship_kibana_analyst and reporting_user (built in); on 9.x auditship_kibana_analyst_basic"

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
	_, err := fmt.Fprint(w, "# "+csvRoles+`.
# Data view, saved searches and dashboard: auditship setup --print=kibana > api7-audit.ndjson,
# then Stack Management > Saved Objects > Import, with conflicts overwritten.
`)
	return err
}
