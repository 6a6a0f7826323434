package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/strictyaml"
)

// Load reads and checks a configuration file with the environment of this
// process. Mistakes come as [strictyaml.Errors]; another error says why the file could not
// be read.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", fileError(path, err))
	}
	cfg, err := Parse(path, data, OSEnv())
	if err != nil {
		return nil, err
	}
	cfg.warnOfReaders(path)
	return cfg, nil
}

// Parse checks a configuration that was read already. The name stands in its
// errors, and relative paths start in the name's folder. Fields of env that are
// nil are those of OSEnv. All mistakes are returned together, as [strictyaml.Errors].
func Parse(name string, data []byte, env Env) (*Config, error) {
	whole, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", name, err)
	}
	if env.LookupEnv == nil {
		env.LookupEnv = os.LookupEnv
	}
	if env.ReadFile == nil {
		env.ReadFile = readFile
	}
	d := &decoder{Reader: strictyaml.NewReader(name), dir: filepath.Dir(whole), env: env, references: map[string]string{}}
	cfg := Default()
	if root := d.Document(data); root != nil && !strictyaml.IsNull(root) {
		d.section(root, "", reflect.ValueOf(&cfg).Elem())
	}
	if !d.unreadable() {
		d.complete(&cfg)
		d.checkWhole(&cfg)
	}
	if len(d.Errors()) > 0 {
		return nil, d.Errors().Sorted()
	}
	cfg.references, cfg.literals, cfg.warnings = d.references, d.literals, d.warnings
	return &cfg, nil
}

// unreadable says that the file is not the YAML of a configuration at all; what
// else could be said about it would only be in the way.
func (d *decoder) unreadable() bool {
	return slices.ContainsFunc(d.Errors(), func(e *strictyaml.Error) bool { return e.Key == "" })
}

// complete fills in what depends on other keys.
func (d *decoder) complete(cfg *Config) {
	if cfg.DeadLetter.Path == "" {
		cfg.DeadLetter.Path = filepath.Join(cfg.StateDir, "dead-letter")
	}
	cfg.location, _ = time.LoadLocation(cfg.Timezone) // its name was checked
	for i := range cfg.Inputs {
		in := &cfg.Inputs[i]
		written := *in
		in.written = &written
		in.Gateway = cmp.Or(in.Gateway, cfg.Gateway)
		in.Tags = slices.Concat(cfg.Tags, in.Tags)
		if len(cfg.Rename) > 0 {
			rename := maps.Clone(cfg.Rename)
			maps.Copy(rename, in.Rename)
			in.Rename = rename
		}
	}
}

// checkWhole checks what takes more than one key to see.
func (d *decoder) checkWhole(cfg *Config) {
	if len(cfg.Inputs) == 0 && !d.env.NoInputs {
		d.needed("", "needed: at least one input", "inputs")
	}
	ids := map[event.InputID]int{}
	for i, in := range cfg.Inputs {
		at := fmt.Sprintf("inputs[%d]", i)
		if in.Type == "" {
			d.needed(at, "needed: "+strings.Join(InputTypes(), " or "), "type")
		}
		if in.ID == "" {
			d.needed(at, "needed: a name of your choice that stays the same", "id")
		} else if first, twice := ids[in.ID]; twice {
			d.FailAt(d.At(at+".id"), at+".id", fmt.Sprintf("is the id of inputs[%d] already", first), "")
		} else {
			ids[in.ID] = i
		}
		if own := in.own(); own != nil {
			own.check(d, at, cfg)
		}
	}
	d.checkElasticsearch(&cfg.Elasticsearch)
	d.checkKibana(&cfg.Kibana)
	d.checkKeyPair("http_access", cfg.HTTPAccess.CertFile, cfg.HTTPAccess.KeyFile)
}

func (d *decoder) checkElasticsearch(es *Elasticsearch) {
	const at = "elasticsearch"
	if len(es.URLs) == 0 && es.CloudID == "" && !d.env.NoElasticsearch {
		d.needed(at, "needed: the address of Elasticsearch, or cloud_id", "urls", "cloud_id")
	}
	d.exclusive(at, "cloud_id", "urls", es.CloudID != "" && len(es.URLs) > 0)
	d.checkSignIn(at, es.APIKey, es.Username, es.Password)
	d.exclusive(at, "ca_fingerprint", "ca_file", es.CAFingerprint != "" && es.CAFile != "")
	for i, address := range es.URLs {
		signsIn := !es.APIKey.IsZero() || es.Username != ""
		d.checkClear(at, d.closest(fmt.Sprintf("%s.urls[%d]", at, i)), address, signsIn, es.InsecureHTTP)
	}
}

func (d *decoder) checkKibana(k *Kibana) {
	const at = "kibana"
	d.checkSignIn(at, k.APIKey, k.Username, k.Password)
	d.exclusive(at, "ca_fingerprint", "ca_file", k.CAFingerprint != "" && k.CAFile != "")
	d.checkClear(at, at+".url", k.URL, true, k.InsecureHTTP) // setup always signs in
}

// checkSignIn allows an API key, or a user with a password, or neither.
func (d *decoder) checkSignIn(at string, apiKey Secret, username string, password Secret) {
	if (username == "") != password.IsZero() {
		d.pair(at, "username", "password", username != "")
	}
	d.exclusive(at, "username", "api_key", username != "" && !apiKey.IsZero())
}

// pair notes that one of two keys is missing.
func (d *decoder) pair(at, a, b string, hasA bool) {
	if !hasA {
		a, b = b, a
	}
	d.needed(at, "needed together with "+a, b)
}

// exclusive notes, where both are given, that two keys exclude each other.
func (d *decoder) exclusive(at, key, other string, both bool) {
	if both {
		d.FailAt(d.At(at+"."+key), at+"."+key, "cannot be used together with "+other, "")
	}
}

// needed notes that a section has none of these keys, unless something was said
// about that already: a value is wrong, the section is, or a name is misspelt.
func (d *decoder) needed(section, problem string, names ...string) {
	for _, name := range names {
		for _, e := range d.Errors() {
			misspelt := e.Suggestion == name && parentOf(e.Key) == section || e.Suggestion == section && section != ""
			if misspelt || e.Key == section || strings.HasPrefix(strings.Trim(e.Key, `"`), strictyaml.Join(section, name)) {
				return
			}
		}
	}
	full := strictyaml.Join(section, names[0])
	d.FailAt(d.At(full), full, problem, "")
}

func parentOf(key string) string { return key[:max(0, strings.LastIndexByte(key, '.'))] }

// closest is the key itself if the file has it, otherwise the one around it: a
// list of one that was written without being a list.
func (d *decoder) closest(key string) string {
	if _, ok := d.Marked(key); ok {
		return key
	}
	return key[:strings.LastIndexByte(key, '[')]
}
