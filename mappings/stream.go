package mappings

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/auditship/auditship/exporter"
)

// dataStream is what GET _data_stream tells.
type dataStream struct {
	Name     string `json:"name"`
	Template string `json:"template"`
	Indices  []struct {
		Name      string `json:"index_name"`
		ManagedBy string `json:"managed_by"`
		ILMPolicy string `json:"ilm_policy"`
	} `json:"indices"`
	Lifecycle *struct {
		Enabled   *bool  `json:"enabled"`
		Retention string `json:"data_retention"`
		Effective string `json:"effective_retention"`
	} `json:"lifecycle"`
	FailureStore *struct {
		Enabled bool `json:"enabled"`
	} `json:"failure_store"`
}

// writeIndex is the last backing index.
func (s dataStream) writeIndex() string {
	if len(s.Indices) == 0 {
		return ""
	}
	return s.Indices[len(s.Indices)-1].Name
}

// streams lists the data streams of all namespaces.
func streams(ctx context.Context, client *exporter.Client) ([]dataStream, error) {
	var answer struct {
		DataStreams []dataStream `json:"data_streams"`
	}
	err := client.JSON(ctx, http.MethodGet, "/_data_stream/"+url.PathEscape(Pattern), nil, &answer)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list data streams %s: %w", Pattern, err)
	}
	return answer.DataStreams, nil
}

// outdatedStreams are those whose write index does not carry our mark.
func (p *Plan) outdatedStreams(ctx context.Context) ([]string, error) {
	all, err := streams(ctx, p.client)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range all {
		mapping, err := indexMapping(ctx, p.client, s.writeIndex())
		if err != nil {
			return nil, err
		}
		if markOf(mapping) != p.mark {
			names = append(names, s.Name)
		}
	}
	return names, nil
}

// streamsToRoll leaves streams alone where a rollover would change nothing,
// because the templates stay as a person made them.
func (p *Plan) streamsToRoll(force bool) []string {
	for _, o := range p.Objects {
		inTemplate := o.Kind == IndexTemplate || o.Kind == ComponentTemplate
		if inTemplate && o.Action == ChangedByHand && !force {
			return nil
		}
	}
	return p.Streams
}

// rollOver begins a new backing index, which takes the templates in force.
func (p *Plan) rollOver(ctx context.Context, stream string) error {
	in, err := simulate(ctx, p.client, stream)
	if err != nil {
		return err
	}
	if markOf(in.Mappings) != p.mark {
		return fmt.Errorf("data stream %s takes another index template than %s, one of a higher priority: rolling it over would not help", stream, Name)
	}
	if err := p.client.JSON(ctx, http.MethodPost, "/"+url.PathEscape(stream)+"/_rollover", nil, nil); err != nil {
		return fmt.Errorf("roll over data stream %s: %w", stream, err)
	}
	return nil
}

// template is what a new backing index would get.
type template struct {
	Settings map[string]any `json:"settings"`
	Mappings map[string]any `json:"mappings"`
}

// simulate resolves the templates in force for a name.
func simulate(ctx context.Context, client *exporter.Client, stream string) (template, error) {
	var answer struct {
		Template template `json:"template"`
	}
	err := client.JSON(ctx, http.MethodPost, "/_index_template/_simulate_index/"+url.PathEscape(stream), nil, &answer)
	if err != nil {
		return template{}, fmt.Errorf("simulate the index template of %s: %w", stream, err)
	}
	return answer.Template, nil
}

// indexMapping reads the live mapping of one index.
func indexMapping(ctx context.Context, client *exporter.Client, index string) (map[string]any, error) {
	var answer map[string]struct {
		Mappings map[string]any `json:"mappings"`
	}
	if err := client.JSON(ctx, http.MethodGet, "/"+url.PathEscape(index)+"/_mapping", nil, &answer); err != nil {
		return nil, fmt.Errorf("read the mapping of %s: %w", index, err)
	}
	return answer[index].Mappings, nil
}

// markOf is the fingerprint of the templates that a mapping was made by.
func markOf(mapping map[string]any) string {
	s, _ := get(mapping, "_meta", "fingerprint").(string)
	return s
}
