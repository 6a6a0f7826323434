package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/strictyaml"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
	reports "github.com/auditship/auditship/exporter/report"
)

// analystClient signs in for a command that only reads the trail. It needs no more of
// the configuration than elasticsearch, whose namespace it gives. The caller closes
// the client.
func (p *program) analystClient() (client *exporter.Client, namespace string, err error) {
	cfg, err := p.withoutInputs(config.Env{}, func(cfg *config.Config) []config.Secret {
		return []config.Secret{cfg.Elasticsearch.APIKey, cfg.Elasticsearch.Password}
	})
	if err != nil {
		return nil, "", err
	}
	client, err = newElasticsearch(cfg.Elasticsearch)
	return client, cfg.Elasticsearch.Namespace, err
}

// addFilters gives a command the flags that say which records.
func addFilters(cmd *cobra.Command, q *reports.Query) {
	flags := cmd.Flags()
	flags.StringArrayVar(&q.Events, "event", nil, "`name` of the event (Add Service) or its type, however it was recorded")
	flags.StringArrayVar(&q.Operators, "operator", nil, "`name`, id or e-mail address of the operator")
	flags.StringArrayVar(&q.ResourceIDs, "resource-id", nil, "`id` of the resource")
	flags.StringArrayVar(&q.ResourceNames, "resource-name", nil, "`name` of the resource")
	flags.StringArrayVar(&q.Sources, "source", nil, "dashboard, api or adc")
	flags.StringArrayVar(&q.GatewayGroups, "gateway-group", nil, "`id` of the gateway group")
	flags.StringArrayVar(&q.IPs, "ip", nil, "`address` or network (10.0.0.0/8)")
	flags.StringArrayVar(&q.Outcomes, "outcome", nil, "success, failure or unknown")
	flags.StringVar(&q.Namespace, "namespace", "", "`name`space of the data stream (default: elasticsearch.namespace)")
	for name, values := range map[string][]string{"source": sources, "outcome": reports.Outcomes()} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	}
}

// sources are what the gateway names as a record's source. Other gateways may name others.
var sources = []string{"dashboard", "api", "adc"}

// misspelt finds values that are probably meant to be another: the filter would
// silently match nothing. Short words of other gateways are left alone.
func misspelt(q reports.Query) error {
	for _, f := range []struct {
		flag          string
		values, known []string
	}{{"source", q.Sources, sources}, {"outcome", q.Outcomes, reports.Outcomes()}} {
		for _, v := range f.values {
			near := strictyaml.Nearest(v, f.known)
			if near != "" && near != v && (len(v) > len("api")+1 || strings.EqualFold(near, v)) {
				return fmt.Errorf("--%s %q: did you mean %s? (%s)", f.flag, v, near, strings.Join(f.known, ", "))
			}
		}
	}
	return nil
}

// reported gives the errors of reading the trail their exit code.
func reported(err error) error {
	var misuse *reports.UsageError
	switch {
	case errors.As(err, &misuse):
		return misused(err)
	case errors.Is(err, peer.ErrUnreachable):
		return unreachable(err)
	}
	return err
}
