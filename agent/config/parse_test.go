package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/strictyaml"
)

func mustParse(t *testing.T, text string, env Env) *Config {
	t.Helper()
	cfg, err := Parse("/etc/auditship/auditship.yml", []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const smallest = `
inputs: [{type: file, id: files, paths: /var/log/api7/*.json}]
elasticsearch: {urls: https://es:9200}
`

func TestDefaults(t *testing.T) {
	want := Default()
	file := DefaultFileInput()
	file.Paths = StringList{"/var/log/api7/*.json"}
	want.Inputs = []Input{{Type: TypeFile, ID: "files", Gateway: "api7", File: &file}}
	want.Inputs[0].written = &Input{Type: TypeFile, ID: "files", File: &file}
	want.Elasticsearch.URLs = StringList{"https://es:9200"}
	want.DeadLetter.Path = "/var/lib/auditship/dead-letter"
	want.location, want.references = time.UTC, map[string]string{}
	if got := mustParse(t, smallest, testEnv()); !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v\nwant %+v", *got, want)
	}
}

func TestEveryKey(t *testing.T) {
	cfg := mustParse(t, `
gateway: prod
inputs:
  - type: file
    id: gateway-files
    gateway: prod-eu
    paths: [logs/**/*.json, /var/log/api7/audit.csv.gz]
    exclude: /var/log/api7/old.*
    max_record: 16MB
    poll_interval: 2s
    scan_interval: 1m
    close_inactive: 1h
    rename: {actor.login: operator.id}
    tags: eu
  - type: api
    id: dashboard
    url: https://dashboard.example.com:7443/
    api_key: ${file:token}
    poll_interval: 30s
    overlap: 1h
    since: 2w
    page_size: 50
    timeout: 10s
    proxy: http://user:pass@proxy:3128
rename: {actor.login: operator.username, "my.when": event_time}
tags: [audit]
observer: {name: gw}
keep_original: true
masking: {rules: [masking.yml, /etc/rules/more.yml], defaults: off}
elasticsearch:
  urls: [https://es1:9200, "https://${HOST}:9200/es/"]
  username: agent
  password: ${ES_API_KEY}
  namespace: prod
  ca_fingerprint: AA:BB:CC:DD:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB
  compression: none
  bulk_size: 1MiB
  flush_interval: 250ms
  workers: 4
  timeout: 2m
  clock_skew: 10m
retention: 365d
kibana: {url: https://kibana:5601/base, space: team-a, api_key: abc}
state_dir: state
id_key: 0123456789abcdef
timezone: Europe/Berlin
http: off
queue: {bytes: 64MiB}
dead_letter: {max_size: 2GiB}
shutdown_timeout: 0s
log: {level: debug, format: json}
debug: {pprof: "127.0.0.1:6060"}
`, testEnv())
	file, api := cfg.Inputs[0].File, cfg.Inputs[1].API
	if cfg.Inputs[0].API != nil || cfg.Inputs[1].File != nil {
		t.Error("an input has the keys of the other type")
	}
	for what, pair := range map[string][2]any{
		"gateway of the input":     {cfg.Inputs[0].Gateway, "prod-eu"},
		"gateway from the top":     {cfg.Inputs[1].Gateway, "prod"},
		"relative glob":            {file.Paths[0], "/etc/auditship/logs/**/*.json"},
		"absolute glob":            {file.Paths[1], "/var/log/api7/audit.csv.gz"},
		"a list of one":            {file.Exclude, StringList{"/var/log/api7/old.*"}},
		"max_record":               {file.MaxRecord, Bytes(16e6)},
		"poll_interval of a file":  {file.PollInterval, Duration(2 * time.Second)},
		"scan_interval":            {file.ScanInterval, Duration(time.Minute)},
		"close_inactive":           {file.CloseInactive, Duration(time.Hour)},
		"rename, the input wins":   {cfg.Inputs[0].Rename, map[string]string{"actor.login": "operator.id", "my.when": "event_time"}},
		"rename from the top":      {cfg.Inputs[1].Rename, map[string]string{"actor.login": "operator.username", "my.when": "event_time"}},
		"tags, the input adds":     {cfg.Inputs[0].Tags, StringList{"audit", "eu"}},
		"url without last slash":   {api.URL, "https://dashboard.example.com:7443"},
		"poll_interval of an API":  {api.PollInterval, Duration(30 * time.Second)},
		"overlap":                  {api.Overlap, Duration(time.Hour)},
		"since":                    {api.Since, 14 * day},
		"page_size":                {api.PageSize, 50},
		"timeout":                  {api.Timeout, Duration(10 * time.Second)},
		"observer":                 {cfg.ObserverName(cfg.Inputs[0]), "gw"},
		"keep_original":            {cfg.KeepOriginal, true},
		"rules":                    {cfg.Masking.Rules, StringList{"/etc/auditship/masking.yml", "/etc/rules/more.yml"}},
		"masking.defaults":         {cfg.Masking.Defaults, "off"},
		"a reference in a URL":     {cfg.Elasticsearch.URLs[1], "https://" + canary + ".example.com:9200/es"},
		"fingerprint":              {cfg.Elasticsearch.CAFingerprint, "aabbccdd00112233445566778899aabbccddeeff00112233445566778899aabb"},
		"compression":              {cfg.Elasticsearch.Compression, "none"},
		"bulk_size":                {cfg.Elasticsearch.BulkSize, MiB},
		"flush_interval":           {cfg.Elasticsearch.FlushInterval, Duration(250 * time.Millisecond)},
		"workers":                  {cfg.Elasticsearch.Workers, 4},
		"clock_skew":               {cfg.Elasticsearch.ClockSkew, Duration(10 * time.Minute)},
		"retention":                {cfg.Retention, 365 * day},
		"kibana.space":             {cfg.Kibana.Space, "team-a"},
		"state_dir":                {cfg.StateDir, "/etc/auditship/state"},
		"dead_letter.path follows": {cfg.DeadLetter.Path, "/etc/auditship/state/dead-letter"},
		"location":                 {cfg.Location().String(), "Europe/Berlin"},
		"http off":                 {cfg.HTTP, ""},
		"queue":                    {cfg.Queue.Bytes, 64 * MiB},
		"shutdown_timeout":         {cfg.ShutdownTimeout, Duration(0)},
		"log":                      {cfg.Log, Log{Level: "debug", Format: "json"}},
		"pprof":                    {cfg.Debug.Pprof, "127.0.0.1:6060"},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
	for what, pair := range map[string][2]string{
		"api_key":  {reveal(t, api.APIKey), canary},
		"proxy":    {reveal(t, api.Proxy), "http://user:pass@proxy:3128"},
		"password": {reveal(t, cfg.Elasticsearch.Password), canary},
		"id_key":   {reveal(t, cfg.IDKey), "0123456789abcdef"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, want %s", what, pair[0], pair[1])
		}
	}
}

func reveal(t *testing.T, s Secret) string {
	t.Helper()
	text, err := s.Reveal()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestObserverNameIsTheGateway(t *testing.T) {
	cfg := mustParse(t, smallest+"gateway: prod\n", testEnv())
	if got := cfg.ObserverName(cfg.Inputs[0]); got != "prod" {
		t.Errorf("observer.name is %q", got)
	}
}

// A null value, or a key without one, is as if the key were not there.
func TestNullKeepsTheDefault(t *testing.T) {
	cfg := mustParse(t, smallest+"gateway:\nretention: ~\nlog:\nid_key: null\n", testEnv())
	if cfg.Gateway != "api7" || cfg.Retention != 180*day || cfg.Log.Level != "info" || !cfg.IDKey.IsZero() {
		t.Errorf("%+v", cfg)
	}
}

// Editors on Windows write a byte order mark and CRLF; columns do not change.
func TestByteOrderMarkAndCRLF(t *testing.T) {
	windows := "\ufeff" + strings.ReplaceAll(smallest+"retention: 30d\n", "\n", "\r\n")
	if cfg := mustParse(t, windows, testEnv()); cfg.Retention != 30*day {
		t.Errorf("retention is %s", cfg.Retention)
	}
	_, err := Parse("auditship.yml", []byte(windows+"log: {level: loud}\r\n"), testEnv())
	if err == nil || !strings.HasPrefix(err.Error(), "auditship.yml:5:14: log.level: ") {
		t.Errorf("got %v", err)
	}
}

func TestClientCertificate(t *testing.T) {
	certificate, key := newCertificate(t)
	_, otherKey := newCertificate(t)
	files := map[string][]byte{"/c/client.crt": certificate, "/c/client.key": key, "/c/other.key": otherKey}
	env := Env{ReadFile: func(path string) ([]byte, error) {
		if data, ok := files[path]; ok {
			return data, nil
		}
		return nil, os.ErrNotExist
	}}
	parse := func(keyFile string) error {
		_, err := Parse("/c/auditship.yml", []byte(`
inputs: [{type: api, id: a, url: https://gw, api_key: k, cert_file: client.crt, key_file: `+keyFile+`}]
elasticsearch: {urls: https://es:9200}
`), env)
		return err
	}
	if err := parse("client.key"); err != nil {
		t.Error(err)
	}
	err := parse("other.key")
	if want := "/c/auditship.yml:2:81: inputs[0].key_file: is not the key of cert_file, or not a key in PEM without a passphrase"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A folder's name is not a pattern, even if it looks like one.
func TestRelativeGlobInAnOddFolder(t *testing.T) {
	cfg, err := Parse("/etc/a[1]{b}*/auditship.yml", []byte(strings.Replace(smallest, "/var/log/api7", "./logs", 1)), testEnv())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Inputs[0].File.Paths[0], `/etc/a\[1]\{b}\*/logs/*.json`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auditship.yml")
	if _, err := Load(path); err == nil || strings.Count(err.Error(), path) != 1 || errors.As(err, new(strictyaml.Errors)) {
		t.Errorf("a missing file: %v", err)
	}
	write(t, path, smallest+"state_dir: state\n")
	cfg, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(path), "state"); cfg.StateDir != want {
		t.Errorf("state_dir is %s, want %s", cfg.StateDir, want)
	}
	write(t, path, "gatway: x\n"+smallest)
	_, err = Load(path)
	var one *strictyaml.Error
	if !errors.As(err, &one) {
		t.Fatalf("no *strictyaml.Error in %v", err)
	}
	want := strictyaml.Error{File: path, Line: 1, Column: 1, Key: "gatway", Problem: "unknown key", Suggestion: "gateway"}
	if *one != want {
		t.Errorf("got %+v, want %+v", *one, want)
	}
}

func TestRedacted(t *testing.T) {
	text := `
gateway: a$$b
tags: [x, "of-${HOST}"]
retention: ${DAYS:90d}
inputs:
  - {type: file, id: files, paths: "${HOST}/*.json"}
  - {type: api, id: api, url: "https://${HOST}", api_key: "${file:token}", proxy: "http://u:` + canary + `@proxy:1"}
elasticsearch: {urls: https://es:9200, api_key: "${ES_API_KEY}"}
id_key: ` + canary + `-long-enough
`
	cfg := mustParse(t, text, testEnv())
	dump, err := cfg.Redacted()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(dump, []byte(canary)) || bytes.Count(dump, []byte("'***'")) != 4 {
		t.Errorf("not four secrets as ***:\n%s", dump)
	}
	for _, line := range []string{"gateway: a$$b", "  - of-${HOST}", "retention: ${DAYS:90d}", "max_record: 8MiB", "page_size: 100", "path: /var/lib/auditship/dead-letter"} {
		if !bytes.Contains(dump, []byte(line+"\n")) {
			t.Errorf("no line %q in\n%s", line, dump)
		}
	}
}

// shippedEnv has what the shipped configuration refers to, its comments too.
func shippedEnv(t *testing.T) Env {
	certificate, key := newCertificate(t)
	return Env{
		LookupEnv: func(name string) (string, bool) {
			return "key", name == "ES_API_KEY" || name == "KIBANA_API_KEY"
		},
		ReadFile: func(path string) ([]byte, error) {
			switch filepath.Ext(path) {
			case ".crt":
				return certificate, nil
			case ".key":
				return key, nil
			}
			return []byte("token\n"), nil
		},
	}
}

func newCertificate(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

const shipped = "../../configs/auditship.yml"

func TestShippedConfiguration(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse("auditship.yml", text, shippedEnv(t)); err != nil {
		t.Errorf("as it is shipped:\n%v", err)
	}
}

// commented is a line of the shipped configuration that shows a key.
var commented = regexp.MustCompile(`(?m)^( *)# ( *(?:- )?[a-z_]+(?:\.[a-z]+)?:(?: .*)?)$`)

// The keys behind a # in the shipped configuration are real, show their
// defaults, and none is left out.
func TestShippedConfigurationUncommented(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(text, []byte("\n#\n")) // the title reads like a key
	whole := commented.ReplaceAll(body, []byte("$1$2"))
	cfg, err := Parse("/etc/auditship/auditship.yml", whole, shippedEnv(t))
	if err != nil {
		t.Fatalf("with its comments as keys:\n%v", err)
	}
	var root map[string]any
	if err := yaml.Unmarshal(whole, &root); err != nil {
		t.Fatal(err)
	}
	for _, k := range keysOf(reflect.TypeFor[Config]()) {
		if _, ok := root[k.name]; !ok {
			t.Errorf("the key %s is not shown", k.name)
		}
	}
	def := Default()
	def.Inputs, def.Rename, def.Observer, def.Masking.Rules, def.DeadLetter.Path = cfg.Inputs, cfg.Rename, cfg.Observer, cfg.Masking.Rules, cfg.DeadLetter.Path
	def.Elasticsearch.URLs, def.Elasticsearch.APIKey, def.Elasticsearch.CAFile, def.Elasticsearch.Proxy = cfg.Elasticsearch.URLs, cfg.Elasticsearch.APIKey, cfg.Elasticsearch.CAFile, cfg.Elasticsearch.Proxy
	def.Kibana.URL, def.Kibana.APIKey, def.Kibana.CAFile = cfg.Kibana.URL, cfg.Kibana.APIKey, cfg.Kibana.CAFile
	def.IDKey, def.Tags, def.location, def.references = cfg.IDKey, cfg.Tags, cfg.location, cfg.references
	def.HTTPAccess.Token, def.literals = cfg.HTTPAccess.Token, cfg.literals
	if !reflect.DeepEqual(*cfg, def) {
		t.Errorf("a value that is shown as a default is none:\n%+v\nwant\n%+v", *cfg, def)
	}
	file, api := DefaultFileInput(), DefaultAPIInput()
	file.Paths, file.Exclude = cfg.Inputs[0].File.Paths, cfg.Inputs[0].File.Exclude
	got := *cfg.Inputs[1].API
	api.URL, api.APIKey, api.CAFile, api.CertFile, api.KeyFile, api.Proxy = got.URL, got.APIKey, got.CAFile, got.CertFile, got.KeyFile, got.Proxy
	if !reflect.DeepEqual(*cfg.Inputs[0].File, file) || !reflect.DeepEqual(got, api) {
		t.Errorf("a value that is shown as a default of an input is none:\n%+v\n%+v", *cfg.Inputs[0].File, got)
	}
}

// The comments of the fields are the manual: every key has one of its own.
func TestEveryKeyIsExplained(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if !ok || f.Tag == nil || strings.Contains(f.Tag.Value, `yaml:"-"`) {
				return true
			}
			keys++
			if len(strings.Fields(f.Doc.Text())) < 4 || len(f.Names) != 1 || !strings.HasPrefix(f.Doc.Text(), f.Names[0].Name+" ") {
				t.Errorf("%v: %q", f.Names, f.Doc.Text())
			}
			return true
		})
	}
	if keys < 60 {
		t.Errorf("only %d keys found", keys)
	}
}

// The tags of every field are ones the decoder knows, and defaults obey them.
func TestFieldTags(t *testing.T) {
	def := Default()
	def.Inputs = []Input{{File: new(DefaultFileInput()), API: new(DefaultAPIInput())}}
	d := &decoder{Reader: strictyaml.NewReader("auditship.yml"), dir: "/", env: testEnv()}
	var walk func(t *testing.T, v reflect.Value)
	walk = func(t *testing.T, v reflect.Value) {
		for _, k := range keysOf(v.Type()) {
			field := fieldFor(v, &k)
			t.Run(k.name, func(t *testing.T) {
				switch {
				case k.typ.Kind() == reflect.Struct && k.typ != reflect.TypeFor[Secret]():
					walk(t, field)
				case k.typ == reflect.TypeFor[[]Input]():
					walk(t, field.Index(0))
				default:
					checkTag(t, d, k, field)
				}
			})
		}
	}
	walk(t, reflect.ValueOf(&def).Elem())
}

func checkTag(t *testing.T, d *decoder, k key, field reflect.Value) {
	t.Helper()
	if is := k.tag.Get("is"); is != "" && checks[is] == nil || k.typ == reflect.TypeFor[Secret]() && is == "" {
		t.Errorf("no check %q", is)
	}
	for _, limit := range []string{"min", "max"} {
		if s := k.tag.Get(limit); s != "" {
			if _, err := parseScalar(s, k.typ); err != nil {
				t.Errorf("%s %q: %v", limit, s, err)
			}
		}
	}
	switch {
	case k.tag.Get("min") != "" || k.tag.Get("max") != "":
		if problem := outside(field, k.tag); problem != "" {
			t.Errorf("the default %v is %s", field, problem)
		}
	case k.typ.Kind() == reflect.String && field.String() != "":
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: field.String()}
		if _, ok := d.checked(n, k.name, text{value: n.Value, shown: n.Value}, k.tag); !ok {
			t.Errorf("the default is refused: %v", d.Errors())
		}
	}
}

// A command that runs before the secrets are there reads the rest.
func TestUnresolvedReferences(t *testing.T) {
	const text = `
inputs: [{type: api, id: a, url: "https://gw", api_key: "${file:not-there}"}]
elasticsearch: {urls: "https://es:9200", username: "${NOT_SET:elastic}", password: "${NOT_SET}", timeout: "${SET}"}
`
	env := Env{LookupEnv: func(name string) (string, bool) { return "5s", name == "SET" }}
	if _, err := Parse("auditship.yml", []byte(text), env); err == nil {
		t.Error("the agent would start without its secrets")
	}
	env.Unresolved = "unresolved"
	cfg, err := Parse("auditship.yml", []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	password, err := cfg.Elasticsearch.Password.Reveal()
	if password != "unresolved" || err != nil || cfg.Elasticsearch.Username != "elastic" || cfg.Elasticsearch.Timeout != Duration(5*time.Second) {
		t.Errorf("password %q (%v), username %q, timeout %s", password, err, cfg.Elasticsearch.Username, cfg.Elasticsearch.Timeout)
	}
	if _, err := cfg.Inputs[0].API.APIKey.Reveal(); err == nil {
		t.Error("a file that is not there has been read")
	}
}

func TestInputsMayBeMissingWhereTheyAreNotUsed(t *testing.T) {
	text := []byte("elasticsearch: {urls: https://es:9200}\n")
	if _, err := Parse("auditship.yml", text, Env{}); err == nil {
		t.Error("the agent would start without inputs")
	}
	if cfg, err := Parse("auditship.yml", text, Env{NoInputs: true}); err != nil || len(cfg.Inputs) != 0 {
		t.Errorf("a command that uses none: %v", err)
	}
}

func TestElasticsearchMayBeMissingWhereNothingIsSent(t *testing.T) {
	text := []byte("inputs: [{type: file, id: files, paths: /a, timezone: Europe/Berlin}]\n")
	if _, err := Parse("auditship.yml", text, Env{}); err == nil {
		t.Error("the agent would start without Elasticsearch")
	}
	cfg, err := Parse("auditship.yml", text, Env{NoElasticsearch: true})
	if err != nil {
		t.Fatalf("a command that sends nothing: %v", err)
	}
	if zone := cfg.Inputs[0].File.Location().String(); zone != "Europe/Berlin" {
		t.Errorf("times without a zone are those of %s", zone)
	}
}
