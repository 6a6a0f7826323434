package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/auditship/auditship/"

// packageOf is what `go list` tells of a package; paths are without the module's.
type packageOf struct {
	ImportPath    string
	Imports, Deps []string
}

// listPackages lists the packages of the module.
func listPackages(t *testing.T) map[string]packageOf {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]packageOf{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p packageOf
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p.Imports, p.Deps = ours(p.Imports), ours(p.Deps)
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
	return all
}

func ours(paths []string) []string {
	var kept []string
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(p, module); ok {
			kept = append(kept, rest)
		}
	}
	return kept
}

// within reports whether a package is one of these folders or below it.
func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

// Imports point downward: cmd, cli, pipeline, stages, event.
func TestImportsPointDownward(t *testing.T) {
	stages := []string{
		"agent/apisource", "agent/checkpoint", "agent/config", "agent/decode", "agent/ecs",
		"agent/filesource", "agent/health", "agent/mask", "agent/queue",
	}
	// What everything stands on.
	ground := []string{"exporter/durable", "exporter/eventname", "exporter/jsonscan", "exporter/peer", "exporter/printable", "agent/strictyaml"}
	for _, rule := range []struct {
		who     []string
		may     []string // import nothing else of the module
		because string
	}{
		{ground, nil, "a leaf imports nothing"},
		{[]string{"agent/event"}, ground, "the leaf types know no stage"},
		{stages, append([]string{"agent/event", "agent/eventtime", "agent/filesource/charset"}, ground...), "stages do not import each other"},
		{[]string{"agent/eventtime", "agent/filesource/charset"}, nil, "a leaf imports nothing"},
		{[]string{"agent/contain"}, nil, "a leaf imports nothing"},
		{
			[]string{"agent/transform"}, slices.Concat(stages, []string{"agent/contain", "agent/event", "agent/eventtime", "exporter"}),
			"transforming a record knows the stages on its way only",
		},
		{[]string{"agent/input"}, slices.Concat(stages, ground, []string{"agent/event"}), "an input knows its stages and nothing above"},
		{[]string{"exporter"}, []string{"exporter"}, "exporter can be used without the agent"},
		{[]string{"mappings", "kibana"}, []string{"exporter"}, "what is installed does not know the agent"},
		{[]string{"agent/cmd/auditship"}, []string{"agent/cli"}, "main is a few lines"},
	} {
		for path, p := range listPackages(t) {
			for _, i := range p.Imports {
				if within(path, rule.who...) && !within(i, rule.may...) && !sameStage(path, i) {
					t.Errorf("%s imports %s, but %s", path, i, rule.because)
				}
			}
		}
	}
}

// sameStage reports whether two packages are rooms of one stage, such as
// agent/mask and agent/mask/detect.
func sameStage(a, b string) bool {
	return stageOf(a) == stageOf(b) && strings.HasPrefix(a, "agent/")
}

func stageOf(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// Only what stands above a layer imports it.
func TestUpperLayersAreNotImported(t *testing.T) {
	for path, p := range listPackages(t) {
		for _, i := range p.Imports {
			if within(i, "agent/cli") && !within(path, "agent/cmd", "configs") {
				t.Errorf("%s imports the command line", path)
			}
			if within(i, "agent/reconcile") && !within(path, "agent/cli") {
				t.Errorf("%s imports the comparison", path)
			}
			if within(i, "agent/pipeline") && within(path, "agent/reconcile", "agent/transform", "agent/input") {
				t.Errorf("%s stands on the pipeline; it stands beside or below it", path)
			}
			if within(i, "agent/cmd") {
				t.Errorf("%s imports a program", path)
			}
		}
	}
}

// What is shipped holds nothing that is for tests and the demo only.
func TestShippedProgramHoldsNoTestEquipment(t *testing.T) {
	all := listPackages(t)
	deps := all["agent/cmd/auditship"].Deps
	if !slices.Contains(deps, "agent/pipeline") {
		t.Fatalf("the program does not hold the pipeline: %v", deps)
	}
	for _, dep := range deps {
		if within(dep, "agent/demo", "agent/api7sim", "agent/bench", "exporter/esnode", "kibana/kibanatest") {
			t.Errorf("the program holds %s", dep)
		}
	}
}
