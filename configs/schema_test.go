package configs

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/mask/spec"
)

// accepts says whether a schema takes a YAML file, as an editor would tell.
func accepts(t *testing.T, schema *jsonschema.Schema, text []byte) bool {
	t.Helper()
	var value any
	if yaml.Unmarshal(text, &value) != nil {
		return false
	}
	return schema.Validate(value) == nil
}

func compile(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What only the agent can find: what stands in other files and in the environment, what
// two keys mean together, and the grammar within a text.
var beyondTheSchema = []string{
	"address", "api_needs", "ca_", "client_certificate", "cloud_id", "duration_out_of_range",
	"duration_overflow", "empty_list_items", "empty_with_default", "file_missing", "glob_", "id_key",
	"input_id", "inputs_", "listen_bad", "namespace_bad", "not_utf8", "only_comments", "paths_missing",
	"proxy_bad", "reference_", "rename_", "secret_", "sign_in", "size_out_of_range", "space_bad", "timezone",
	"url_", "variable_unset", "yaml_",
}

// A file that the schema refuses is one that check refuses, and check refuses no more
// than the schema but for what a schema cannot know.
func TestTheSchemaAgreesWithCheckOnMistakes(t *testing.T) {
	schema := compile(t, "auditship.schema.json")
	files, err := filepath.Glob("../agent/config/testdata/mistakes/*.golden")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	refused := 0
	for _, file := range files {
		text, _, _ := bytes.Cut(read(t, file), []byte("-- errors --"))
		name := strings.TrimSuffix(filepath.Base(file), ".golden")
		switch {
		case !accepts(t, schema, text):
			refused++
		case !slices.ContainsFunc(beyondTheSchema, func(p string) bool { return strings.HasPrefix(name, p) }):
			t.Errorf("%s: the schema finds nothing wrong", name)
		}
	}
	if refused < 25 {
		t.Errorf("the schema refuses only %d of %d files", refused, len(files))
	}
}

func TestTheSchemaTakesWhatCheckTakes(t *testing.T) {
	schema := compile(t, "auditship.schema.json")
	for _, file := range []string{"auditship.yml", "compose/auditship.yml"} {
		if !accepts(t, schema, read(t, file)) {
			t.Errorf("the schema refuses %s", file)
		}
	}
	for name, text := range map[string]string{
		"texts for lists":      "inputs: [{type: file, id: f, paths: /a/*.json}]\nelasticsearch: {urls: 'http://127.0.0.1:9200'}\ntags: audit\n",
		"numbers for texts":    "gateway: 5\ninputs: [{type: file, id: 7, paths: [/a/*.json]}]\nelasticsearch: {urls: 'http://127.0.0.1:9200'}\n",
		"references":           "inputs: [{type: file, id: f, paths: /a/*.json}]\nelasticsearch: {urls: 'http://127.0.0.1:9200', workers: '${WORKERS:3}', bulk_size: '${SIZE:1MiB}', compression: '${C:gzip}'}\nretention: ${R:90d}\nkeep_original: ${K:true}\n",
		"null for a default":   "gateway:\ninputs: [{type: file, id: f, paths: /a/*.json}]\nelasticsearch: {urls: 'http://127.0.0.1:9200', timeout: }\nlog:\n",
		"spans and sizes":      "inputs: [{type: file, id: f, paths: /a/*.json, max_record: 1048576, poll_interval: 1.5s}]\nelasticsearch: {urls: 'http://127.0.0.1:9200', bulk_size: 1 mib}\nretention: 2w3d12h\n",
		"an input of an API":   "inputs: [{type: api, id: d, url: 'https://gw:7443', api_key: k}]\nelasticsearch: {urls: 'http://127.0.0.1:9200'}\n",
		"renamed and labelled": "inputs: [{type: file, id: f, paths: /a/*.json, rename: {who: operator.username}, tags: [a, b]}]\nelasticsearch: {urls: 'http://127.0.0.1:9200'}\n",
	} {
		if _, err := config.Parse(name, []byte(text), config.Env{}); err != nil {
			t.Errorf("%s: check refuses it: %v", name, err)
		}
		if !accepts(t, schema, []byte(text)) {
			t.Errorf("%s: the schema refuses it", name)
		}
	}
}

func TestTheSchemaOfMaskingRulesAgreesWithCheck(t *testing.T) {
	schema := compile(t, "masking.schema.json")
	files, err := filepath.Glob("../agent/mask/testdata/rules/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	// conditions.yml tests a record with a key that stands twice, which YAML forbids.
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "conditions.yml" })
	for _, file := range append(files, "masking.yml") {
		if _, errs := spec.Parse(file, read(t, file), false); len(errs) > 0 || !accepts(t, schema, read(t, file)) {
			t.Errorf("%s: check says %v, the schema takes it: %v", file, errs, accepts(t, schema, read(t, file)))
		}
	}
	rule := func(text string) string { return "masking: {rules: [{id: a, " + text + "}]}\n" }
	for name, text := range map[string]string{
		"unknown key":           "masking: {rulez: []}\n",
		"misplaced key":         "rules: []\n",
		"version":               "masking: {version: 2}\n",
		"defaults":              "masking: {defaults: lax}\n",
		"on_error":              "masking: {on_error: pass}\n",
		"a limit out of range":  "masking: {limits: {max_depth: 0}}\n",
		"a size":                "masking: {limits: {max_string: much}}\n",
		"a key from nowhere":    "masking: {keys: {k: {min_bytes: 32}}}\n",
		"a key from two places": "masking: {keys: {k: {file: a, env: B}}}\n",
		"no reason":             "masking: {allow: [{path: a.b}]}\n",
		"no id":                 "masking: {rules: [{select: {key: a}, action: redact}]}\n",
		"id":                    "masking: {rules: [{id: 'a b', select: {key: a}, action: redact}]}\n",
		"no select":             rule("action: redact"),
		"no action":             rule("select: {key: a}"),
		"two selectors":         rule("select: {key: a, path: b}, action: redact"),
		"no selector":           rule("select: {in: a}, action: redact"),
		"literal alone":         rule("select: {key: a, literal: b}, action: redact"),
		"unknown action":        rule("select: {key: a}, action: hash"),
		"hmac without a key":    rule("select: {key: a}, action: hmac"),
		"hmac too short":        rule("select: {key: a}, action: {hmac: {key: k, chars: 4}}"),
		"partial of nothing":    rule("select: {key: a}, action: {partial: {}}"),
		"truncate to nothing":   rule("select: {key: a}, action: {truncate: 0}"),
		"an override's reason":  rule("select: {key: a}, action: redact, override: b"),
		"an empty condition":    rule("when: {}, select: {key: a}, action: redact"),
		"a test without in":     "masking: {}\ntests: [{out: {}}]\n",
		"a test without out":    "masking: {}\ntests: [{in: {}}]\n",
		"an empty list":         rule("select: {key: []}, action: redact"),
	} {
		if _, errs := spec.Parse("masking.yml", []byte(text), false); len(errs) == 0 {
			t.Errorf("%s: check takes it", name)
		}
		if accepts(t, schema, []byte(text)) {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}
