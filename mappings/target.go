package mappings

import (
	"context"
	"fmt"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/install"
)

// Target is an Elasticsearch to install on.
type Target struct {
	client    *exporter.Client
	opts      Options
	namespace string
}

// NewTarget makes the target; nothing is sent. The data stream of the namespace
// is created, if it is not there, and proven even before it exists; without a
// namespace only streams that are there are looked at.
func NewTarget(client *exporter.Client, opts Options, namespace string) *Target {
	return &Target{client: client, opts: opts.withDefaults(), namespace: namespace}
}

// Plan compares what should be installed with what is, and names the documents
// that a shorter retention would delete. It changes nothing.
func (t *Target) Plan(ctx context.Context) (install.Plan, error) {
	p, err := newPlan(ctx, t.client, t.opts, t.namespace)
	if err != nil {
		return install.Plan{}, err
	}
	out := install.Plan{Server: serverName(p.server), Items: p.items()}
	if p.securityOff {
		out.Notes = append(out.Notes, "security is off on this server: no roles, no keys, and anybody may read and change the trail")
	}
	return out, nil
}

// Apply plans and carries the plan out: what is missing or an older version of
// ours is installed, and outdated data streams are rolled over. With force it also
// replaces what a person changed and shortens how long records are kept. Each step
// is reported once it is done, in words such as "created index template
// logs-api7.audit". It stops at the first error; a second run goes on from there.
func (t *Target) Apply(ctx context.Context, force bool, report func(step string)) error {
	p, err := newPlan(ctx, t.client, t.opts, t.namespace)
	if err != nil {
		return err
	}
	return p.apply(ctx, force, report)
}

// Apply installs everything but a data stream on an Elasticsearch where nobody
// changed anything.
func Apply(ctx context.Context, client *exporter.Client, opts Options) error {
	return NewTarget(client, opts, "").Apply(ctx, false, func(string) {})
}

func serverName(i exporter.Info) string {
	if i.Serverless {
		return "Elasticsearch Serverless"
	}
	return fmt.Sprintf("Elasticsearch %s", i.Version)
}
