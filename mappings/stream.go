package mappings

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/auditship/auditship/exporter"
)

// dataStream is what GET _data_stream tells.
type dataStream struct {
	Name      string         `json:"name"`
	Template  string         `json:"template"`
	NextBy    string         `json:"next_generation_managed_by"`
	Indices   []backingIndex `json:"indices"`
	Lifecycle struct {
		Enabled   bool   `json:"enabled"`
		Retention string `json:"data_retention"`
		Effective string `json:"effective_retention"` // since 8.16
	} `json:"lifecycle"`
	FailureStore struct {
		Enabled bool `json:"enabled"`
	} `json:"failure_store"`
}

type backingIndex struct {
	Name      string `json:"index_name"`
	ManagedBy string `json:"managed_by"`
	ILMPolicy string `json:"ilm_policy"`

	stream string
}

// Who manages an index, in the words of GET _data_stream.
const (
	byILM       = "Index Lifecycle Management"
	byLifecycle = "Data stream lifecycle"
)

// older are the backing indices but the one written to.
func (s dataStream) older() []backingIndex {
	return s.Indices[:max(0, len(s.Indices)-1)]
}

// writeIndex is the last backing index.
func (s dataStream) writeIndex() backingIndex {
	if len(s.Indices) == 0 {
		return backingIndex{}
	}
	return s.Indices[len(s.Indices)-1]
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

// template is what a new backing index would get.
type template struct {
	Settings map[string]any `json:"settings"`
	Mappings map[string]any `json:"mappings"`
	// Lifecycle is the data stream lifecycle, where there is one.
	Lifecycle map[string]any `json:"lifecycle"`
}

// setting reads a setting by its dotted name.
func (t template) setting(name string) string {
	flat := map[string]any{}
	flatten(flat, "", t.Settings)
	s, _ := flat[name].(string)
	return s
}

// simulate resolves the templates in force for a name; nothing where none
// matches.
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

// readIndex reads mapping and settings of one live index.
func readIndex(ctx context.Context, client *exporter.Client, name string) (template, error) {
	var answer map[string]template
	if err := client.JSON(ctx, http.MethodGet, "/"+url.PathEscape(name), nil, &answer); err != nil {
		return template{}, fmt.Errorf("read index %s: %w", name, err)
	}
	return answer[name], nil
}

// readSettings reads the settings of all backing indices of a stream, by index, as
// dotted names.
func readSettings(ctx context.Context, client *exporter.Client, stream string) (map[string]map[string]any, error) {
	var answer map[string]template
	if err := client.JSON(ctx, http.MethodGet, "/"+url.PathEscape(stream)+"/_settings", nil, &answer); err != nil {
		return nil, fmt.Errorf("read the settings of %s: %w", stream, err)
	}
	all := map[string]map[string]any{}
	for name, t := range answer {
		flat := map[string]any{}
		flatten(flat, "", t.Settings)
		all[name] = flat
	}
	return all, nil
}

// successors tells when each older backing index was rolled over: when the next one
// was created.
func successors(ctx context.Context, client *exporter.Client, s dataStream) (map[string]time.Time, error) {
	settings, err := readSettings(ctx, client, s.Name)
	if isNotFound(err) {
		return map[string]time.Time{}, nil
	}
	if err != nil {
		return nil, err
	}
	at := map[string]time.Time{}
	for i, x := range s.older() {
		created, ok := creation(settings[s.Indices[i+1].Name])
		if !ok {
			created = time.Now() // deleted meanwhile: say nothing early
		}
		at[x.Name] = created
	}
	return at, nil
}

// creation is when an index was created, by its settings.
func creation(settings map[string]any) (time.Time, bool) {
	text, _ := settings["index.creation_date"].(string)
	ms, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms), err == nil
}

// markOf is the fingerprint of the templates that a mapping was made by.
func markOf(mapping map[string]any) string {
	s, _ := get(mapping, "_meta", "fingerprint").(string)
	return s
}

// madeByUs reports whether a mapping comes from any version of our templates.
func madeByUs(mapping map[string]any) bool {
	return get(mapping, "_meta", "managed_by") == managedBy
}

// hasFields reports whether a live mapping has every field of the template with
// the same type. Fields of the user's own component template count too.
func hasFields(live, template map[string]any) bool {
	have := fieldTypes(live)
	for name, t := range fieldTypes(template) {
		if have[name] != t {
			return false
		}
	}
	return true
}

// fieldTypes gives the type of each field, multi-fields included, by its path.
func fieldTypes(mapping map[string]any) map[string]string {
	types := map[string]string{}
	collectTypes(types, "", mapping)
	return types
}

func collectTypes(types map[string]string, prefix string, mapping map[string]any) {
	for _, key := range []string{"properties", "fields"} {
		fields, _ := mapping[key].(map[string]any)
		for name, v := range fields {
			field, _ := v.(map[string]any)
			if t, ok := field["type"].(string); ok && t != "object" {
				types[prefix+name] = t
			}
			collectTypes(types, prefix+name+".", field)
		}
	}
}
