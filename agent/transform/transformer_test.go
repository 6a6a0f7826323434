package transform

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
)

const canary = "hunter2hunter2"

// transformerForTests is that of a file input, with a log to read.
func transformerForTests(t *testing.T, log io.Writer) *Transformer {
	t.Helper()
	cfg, err := config.Parse("auditship.yml", []byte(`{inputs: [{type: file, id: files, paths: [/nowhere]}], elasticsearch: {urls: ["https://localhost:9200"]}}`),
		config.Env{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(cfg, Options{StateKey: bytes.Repeat([]byte("k"), 32), Version: "test", Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	made, err := plan.Transformers(cfg.Inputs[0])
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
	var s Result
	transformer.Transform(batch, &s)
	if len(s.Documents) != 2 || len(s.Places) != 2 || len(s.Letters) != 1 || s.Read != 3 || s.Dropped != 0 {
		t.Fatalf("%d documents, %d letters of %d records", len(s.Documents), len(s.Letters), s.Read)
	}
	if l := s.Letters[0]; l.Reason != event.ReasonFailed || l.Offset != 1 || !strings.Contains(l.Record, `"id":"Boom"`) {
		t.Errorf("the letter is %+v", l)
	}
	if !strings.Contains(log.String(), "panic with a string") || !strings.Contains(log.String(), "transformer_test.go") {
		t.Errorf("the log does not say where: %s", &log)
	}
	for _, text := range []string{log.String(), s.Letters[0].Record, string(s.Documents[0].Source), string(s.Documents[1].Source)} {
		if strings.Contains(text, canary) {
			t.Errorf("the secret is in %s", text)
		}
	}
}
