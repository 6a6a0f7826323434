package mappings

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/auditship/auditship/exporter"
)

// The names of what is installed. Pattern matches the data stream of every
// namespace.
const (
	Name              = "logs-api7.audit" // ILM policy and index template
	MappingsComponent = "logs-api7.audit@mappings"
	SettingsComponent = "logs-api7.audit@settings"
	CustomComponent   = "logs-api7.audit@custom" // the user's own, never touched
	AgentRole         = "auditship_agent"
	AnalystRole       = "auditship_analyst"
	SetupRole         = "auditship_setup"
	Pattern           = "logs-api7.audit-*"
)

// managedBy marks what is ours in _meta.
const managedBy = "auditship"

// StreamName is the data stream of a namespace.
func StreamName(namespace string) string { return Name + "-" + namespace }

// Options are what the installation depends on.
type Options struct {
	// Retention is how long a record is kept after it was indexed. Default 180
	// days.
	Retention time.Duration
	// RolloverAge is when ILM begins a new backing index; a record may be kept
	// that much longer than Retention. Default 7 days.
	RolloverAge time.Duration
}

func (o Options) withDefaults() Options {
	const day = 24 * time.Hour
	if o.Retention == 0 {
		o.Retention = 180 * day
	}
	if o.RolloverAge == 0 {
		o.RolloverAge = 7 * day
	}
	return o
}

// Kind is what sort of object an asset is.
type Kind string

// The kinds, in the order in which they have to be installed.
const (
	ILMPolicy         Kind = "ILM policy"
	ComponentTemplate Kind = "component template"
	IndexTemplate     Kind = "index template"
	Role              Kind = "role"
)

// kinds says for each kind where its assets lie, its path in Elasticsearch's
// API and under which key its metadata is.
var kinds = []struct {
	kind   Kind
	folder string
	api    string
	meta   []string
}{
	{ILMPolicy, "ilm_policy", "/_ilm/policy/", []string{"policy", "_meta"}},
	{ComponentTemplate, "component_template", "/_component_template/", []string{"_meta"}},
	{IndexTemplate, "index_template", "/_index_template/", []string{"_meta"}},
	{Role, "role", "/_security/role/", []string{"metadata"}},
}

// Asset is one object to install.
type Asset struct {
	Kind Kind
	Name string
	// Path takes the object with PUT and gives it with GET.
	Path string
	// Body is decoded JSON, its metadata with fingerprint included.
	Body map[string]any

	meta []string // the path of its metadata in Body
}

// metaPath leads to a key of the metadata.
func (a Asset) metaPath(key string) []string { return join(a.meta, key) }

func (a Asset) String() string { return string(a.Kind) + " " + a.Name }

//go:embed assets
var files embed.FS

// knowsFailureStore reports whether a template may have data_stream_options: in
// 8.19 and from 9.1 on; 9.0 is older than 8.19.
// See https://www.elastic.co/docs/manage-data/data-store/data-streams/failure-store.
func knowsFailureStore(server exporter.Info) bool {
	if server.Serverless {
		return true
	}
	v := server.Version
	if v[0] == 8 {
		return v.AtLeast(exporter.Version{8, 19, 0})
	}
	return v.AtLeast(exporter.Version{9, 1, 0})
}

// Assets gives what is to be installed on a server, in the order of
// installation.
func Assets(opts Options, server exporter.Info) ([]Asset, error) {
	if err := server.Supported(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	if opts.Retention < time.Hour || opts.RolloverAge < time.Hour {
		return nil, errors.New("retention and rollover age must be an hour or more")
	}
	var assets []Asset
	for _, k := range kinds {
		if k.kind == ILMPolicy && server.Serverless {
			continue
		}
		names, err := fs.Glob(files, path.Join("assets", k.folder, "*.json"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			body, err := readAsset(name, server.Serverless)
			if err != nil {
				return nil, err
			}
			object := strings.TrimSuffix(path.Base(name), ".json")
			assets = append(assets, Asset{
				Kind: k.kind, Name: object, Path: k.api + url.PathEscape(object), Body: body, meta: k.meta,
			})
		}
	}
	render(assets, opts, server)
	return assets, nil
}

// readAsset decodes a file; the folder serverless holds those that are
// different there.
func readAsset(name string, serverless bool) (map[string]any, error) {
	if serverless {
		other := path.Join("assets/serverless", strings.TrimPrefix(name, "assets/"))
		if _, err := fs.Stat(files, other); err == nil {
			name = other
		}
	}
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("embedded asset: %w", err)
	}
	var body map[string]any
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, fmt.Errorf("embedded asset %s: %w", name, err)
	}
	return body, nil
}

// render puts in what depends on options and server, and the fingerprints.
func render(assets []Asset, opts Options, server exporter.Info) {
	var template []any // what decides about a new backing index
	for _, a := range assets {
		switch {
		case a.Kind == ILMPolicy:
			set(a.Body, timeValue(opts.RolloverAge), "policy", "phases", "hot", "actions", "rollover", "max_age")
			set(a.Body, timeValue(opts.Retention), "policy", "phases", "delete", "min_age")
		case a.Name == SettingsComponent:
			if server.Serverless {
				set(a.Body, timeValue(opts.Retention), "template", "lifecycle", "data_retention")
			}
			if !knowsFailureStore(server) {
				delete(get(a.Body, "template").(map[string]any), "data_stream_options")
			}
			template = append(template, get(a.Body, "template", "settings"))
		case a.Name == MappingsComponent:
			template = append(template, get(a.Body, "template", "mappings"))
		}
	}
	for _, a := range assets {
		if a.Name == MappingsComponent {
			set(a.Body, fingerprint(template), "template", "mappings", "_meta", "fingerprint")
		}
		set(a.Body, fingerprint(a.content(a.Body)), a.metaPath("fingerprint")...)
	}
}

// streamFingerprint is the mark that a backing index made by our templates
// carries in its mapping's _meta. It changes with the mapping and with the
// settings.
func streamFingerprint(assets []Asset) string {
	for _, a := range assets {
		if a.Name == MappingsComponent {
			s, _ := get(a.Body, "template", "mappings", "_meta", "fingerprint").(string)
			return s
		}
	}
	return ""
}

// get follows keys into decoded JSON; nil if there is nothing.
func get(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// set puts value at keys, making objects on the way.
func set(m map[string]any, value any, keys ...string) {
	for _, k := range keys[:len(keys)-1] {
		next, ok := m[k].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[k] = next
		}
		m = next
	}
	m[keys[len(keys)-1]] = value
}
