package pipeline

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
)

const canary = "hunter2hunter2"

// transformerForTests is that of a file input, with a log to read.
func transformerForTests(t *testing.T, log *bytes.Buffer) *transformer {
	t.Helper()
	cfg, err := config.Parse("auditship.yml", []byte(`{inputs: [{type: file, id: files, paths: [/nowhere]}], elasticsearch: {urls: ["https://localhost:9200"]}}`),
		config.Env{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	common, err := newShared(cfg, bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	common.log = zerolog.New(log)
	made, err := newTransform(cfg, cfg.Inputs[0], "test", common)
	if err != nil {
		t.Fatal(err)
	}
	return made()
}

// R24: a record on which the agent itself fails is a masked dead letter, the log
// says where, and neither holds its secret. The records around it go on.
func TestR24AFailureOfTheAgentHarmsOneRecordAndShowsNoSecret(t *testing.T) {
	var log bytes.Buffer
	transformer := transformerForTests(t, &log)
	transformer.builder = ecs.NewBuilder(ecs.Config{EventNames: func(eventType string) string {
		if eventType == "Boom" {
			panic("cannot name the event of a record with " + canary)
		}
		return ""
	}})
	batch := event.Batch{Input: "files", Path: "/var/log/audit.json"}
	for i, kind := range []string{"Before", "Boom", "Behind"} {
		batch.Records = append(batch.Records, event.Raw{Offset: int64(i), Bytes: []byte(
			`{"id":"` + kind + `","event_time":1795143845,"event_type":"` + kind + `","http_request":{"body":{"password":"` + canary + `"}}}`)})
	}
	s := transformer.transform(batch)
	if len(s.documents) != 2 || len(s.places) != 2 || len(s.letters) != 1 || s.read != 3 || s.dropped != 0 {
		t.Fatalf("%d documents, %d letters of %d records", len(s.documents), len(s.letters), s.read)
	}
	if l := s.letters[0]; l.Reason != event.ReasonFailed || l.Offset != 1 || !strings.Contains(l.Record, `"id":"Boom"`) {
		t.Errorf("the letter is %+v", l)
	}
	if !strings.Contains(log.String(), "panic with a string") || !strings.Contains(log.String(), "contain_test.go") {
		t.Errorf("the log does not say where: %s", &log)
	}
	for _, text := range []string{log.String(), s.letters[0].Record, string(s.documents[0].Source), string(s.documents[1].Source)} {
		if strings.Contains(text, canary) {
			t.Errorf("the secret is in %s", text)
		}
	}
}

func TestContain(t *testing.T) {
	for name, tt := range map[string]struct {
		run  func() error
		want string
	}{
		"a text":           {func() error { panic("with " + canary) }, "input files failed: panic with a string\n"},
		"an error":         {func() error { panic(errors.New(canary)) }, "input files failed: panic with a *errors.errorString\n"},
		"a runtime's text": {func() error { return []error{}[len(canary)] }, "input files failed: runtime error: index out of range [14] with length 0\n"},
		"an error comes":   {func() error { return context.Canceled }, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Contain("input files", tt.run)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A masking rule with on_error: stop ends the pipeline before the record; nothing
// of it, and nothing behind it, goes out.
func TestAMaskingRuleCanStopTheAgent(t *testing.T) {
	s := newStand(t)
	rules := filepath.Join(t.TempDir(), "masking.yml")
	s.must(os.WriteFile(rules, []byte("masking: {on_error: stop, limits: {max_depth: 4}}\n"), 0o600))
	s.config.Masking.Rules = config.StringList{rules}
	s.write("a.json", record(1)+"\n"+`{"id":"deep","event_time":1795143845,"a":{"b":{"c":{"d":{"password":"`+canary+`"}}}}}`+"\n"+record(2)+"\n")
	p := s.open(Options{Once: true})
	err := errors.Join(p.Run(t.Context()), p.Close())
	if !errors.Is(err, ErrMaskingStopped) || !strings.Contains(err.Error(), "a.json at byte ") || strings.Contains(err.Error()+s.log.String(), canary) {
		t.Errorf("ended with %v", err)
	}
	if n := s.count(); n != 0 {
		t.Errorf("%d documents", n)
	}
}
