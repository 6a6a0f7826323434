package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed peers
var peers embed.FS

// shipper is a program that carries events from a file to Elasticsearch.
type shipper struct {
	name    string
	command string   // looked up on PATH
	args    []string // templates over setting
	version []string // arguments that print it
	gzip    bool     // it can compress its requests
	disk    bool     // setting.Disk
}

// agentName is the shipper that the others are compared with.
const agentName = "auditship"

var shippers = []shipper{
	{name: agentName, args: []string{"run", "-c", "{{.Config}}/auditship.yml"}, version: []string{"version"}, gzip: true},
	{
		name: "rsyslog, memory queue", command: "rsyslogd", version: []string{"-v"},
		args: []string{"-n", "-f", "{{.Config}}/rsyslog.conf", "-i", "{{.State}}/pid"},
	},
	{
		name: "rsyslog, disk queue", command: "rsyslogd", version: []string{"-v"}, disk: true,
		args: []string{"-n", "-f", "{{.Config}}/rsyslog.conf", "-i", "{{.State}}/pid"},
	},
	{name: "Fluent Bit", command: "fluent-bit", args: []string{"-c", "{{.Config}}/fluent-bit.conf"}, version: []string{"--version"}, gzip: true},
	{name: "Vector", command: "vector", args: []string{"-q", "-c", "{{.Config}}/vector.yaml"}, version: []string{"--version"}, gzip: true},
	{name: "OpenTelemetry Collector", command: "otelcol-contrib", args: []string{"--config", "{{.Config}}/otelcol.yaml"}, version: []string{"--version"}, gzip: true},
	{
		name: "Filebeat", command: "filebeat", version: []string{"version"}, gzip: true,
		args: []string{"--strict.perms=false", "-c", "{{.Config}}/filebeat.yml"},
	},
}

// setting is what a configuration is made of.
type setting struct {
	Data   string // the file, or a glob
	Config string // the folder of the configurations
	State  string // a folder for positions and queues
	Port   int    // of the sink, on 127.0.0.1
	Gzip   bool
	Disk   bool // queue on disk where the shipper has both
	Rules  string
}

// found reports whether the shipper is on this machine.
func (s shipper) found() bool {
	_, err := exec.LookPath(s.command)
	return err == nil
}

var number = regexp.MustCompile(`\d+\.\d+[\w.+-]*`)

// versionText is the first thing that looks like a version.
func (s shipper) versionText() string {
	out, _ := exec.Command(s.command, s.version...).CombinedOutput() // without one there is none to show
	first, _, _ := strings.Cut(string(out), "\n")
	if v := number.FindString(first); v != "" && s.name != agentName {
		return v
	}
	return ""
}

// prepare writes the configurations into the folder of the setting and returns the
// command line.
func (s shipper) prepare(set setting) ([]string, error) {
	set.Disk = s.disk
	files, err := fs.Glob(peers, "peers/*")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		text, err := fs.ReadFile(peers, name)
		if err != nil {
			return nil, err
		}
		filled, err := fill(string(text), set)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(set.Config, filepath.Base(name)), []byte(filled), 0o600); err != nil {
			return nil, err
		}
	}
	if set.Rules != "" {
		if err := os.WriteFile(filepath.Join(set.Config, "masking.yml"), []byte(set.Rules), 0o600); err != nil {
			return nil, err
		}
	}
	args := make([]string, len(s.args))
	for i, a := range s.args {
		if args[i], err = fill(a, set); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func fill(text string, set setting) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, set)
	return out.String(), err
}
