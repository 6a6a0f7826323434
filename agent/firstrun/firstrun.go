package firstrun

import (
	"bytes"
	_ "embed" // auditship.yml.tmpl
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"

	"github.com/auditship/auditship/agent/config"
)

// Answers are what a first configuration is made of. Paths of files may be relative to
// the configuration's folder.
type Answers struct {
	Gateway string // its name; default api7

	// GatewayURL is that of the gateway's dashboard, "" without the audit API; TokenFile
	// holds its token.
	GatewayURL, TokenFile, GatewayCAFile string
	// Paths are globs of files; none without an input of type file.
	Paths []string

	// URLs are the addresses of Elasticsearch's nodes, and KeyFile will hold the agent's
	// key; setup makes it.
	URLs                  []string
	KeyFile               string
	CAFile, CAFingerprint string
	Namespace             string // default "default"
	KibanaURL             string // "" without Kibana

	StateDir string // default /var/lib/auditship
	Timezone string // default UTC
}

// ErrNoInput says that neither an audit API nor files were named.
var ErrNoInput = errors.New("nothing to read: name the gateway's address, globs of files, or both")

//go:embed auditship.yml.tmpl
var text string

var configuration = template.Must(template.New("auditship.yml").Funcs(template.FuncMap{
	"quote": quote,
	"file":  func(path string) string { return "${file:" + path + "}" },
}).Parse(text))

// quote writes a text as YAML in double quotes, which JSON's are, with $ meaning itself
// unless it begins a reference to a file.
func quote(s string) (string, error) {
	if !strings.HasPrefix(s, "${file:") {
		s = strings.ReplaceAll(s, "$", "$$")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return strings.TrimSpace(b.String()), err
}

// Render gives the text of the configuration, and what it says. name is the file's, in
// whose folder relative paths start; files that secrets are read from need not exist
// yet.
func Render(name string, a Answers) ([]byte, *config.Config, error) {
	if a.GatewayURL == "" && len(a.Paths) == 0 {
		return nil, nil, ErrNoInput
	}
	var b bytes.Buffer
	if err := configuration.Execute(&b, a.withDefaults()); err != nil {
		return nil, nil, fmt.Errorf("write the configuration: %w", err)
	}
	cfg, err := config.Parse(name, b.Bytes(), config.Env{Unresolved: "not-there-yet"})
	if err != nil {
		return nil, nil, fmt.Errorf("an answer cannot be used: %w", err)
	}
	return b.Bytes(), cfg, nil
}

func (a Answers) withDefaults() Answers {
	defaults := config.Default()
	for to, value := range map[*string]string{
		&a.Gateway: defaults.Gateway, &a.StateDir: defaults.StateDir, &a.Timezone: defaults.Timezone,
		&a.KeyFile: "elasticsearch.key", &a.TokenFile: "gateway.token",
	} {
		if *to == "" {
			*to = value
		}
	}
	if len(a.URLs) == 0 {
		a.URLs = []string{"https://localhost:9200"}
	}
	return a
}

// Write makes a file for its owner only. It never overwrites one: the error is then
// fs.ErrExist.
func Write(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
