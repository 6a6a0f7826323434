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
	if l := s.Letters[0]; event.Reason(l.Reason) != event.ReasonFailed || l.Offset != 1 || !strings.Contains(l.Record, `"id":"Boom"`) {
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

// What cannot be read as text with certainty leaves nothing in a dead letter
// but its length, its place and a keyed hash.
func TestDeadLettersHoldMaskedTextOrAHash(t *testing.T) {
	transformer := transformerForTests(t, io.Discard)
	utf16 := func(text string) string { return strings.Join(strings.Split(text, ""), "\x00") + "\x00" }
	for name, tt := range map[string]struct {
		text  string
		fault *event.Fault
		want  string
	}{
		"a text":               {"password: " + canary, nil, "password: [REDACTED:names]"},
		"a text of a fault":    {`{"password":"` + canary, &event.Fault{Reason: event.ReasonCutShort, Length: 30}, `{"password": "[REDACTED:names]"`},
		"UTF-16":               {utf16(`{"password":"` + canary + `"}`), nil, ""},
		"UTF-32":               {utf16(utf16(utf16(canary))), nil, ""},
		"literals of lz4":      {"\x04\x22\x4d\x18\x64\x40" + canary, nil, ""},
		"no UTF-8":             {"note: \xff" + canary, nil, ""},
		"colours":              {"\x1b[36mpassword\x1b[0m: " + canary, nil, ""},
		"the rest of a record": {canary + `","user":"ops"}`, nil, ""},
		"a row without names":  {"1,ops," + canary + ",x", &event.Fault{Reason: event.ReasonBrokenRow, Length: 22, Nameless: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out Result
			transformer.Transform(event.Batch{Input: "files", Records: []event.Raw{{Bytes: []byte(tt.text), Offset: 7, Fault: tt.fault}}}, &out)
			if len(out.Letters) != 1 {
				t.Fatalf("%d letters", len(out.Letters))
			}
			l := out.Letters[0]
			if l.Record != tt.want || l.Offset != 7 || l.Length == 0 {
				t.Errorf("the letter is %+v", l)
			}
			if (l.Hash != "") != (tt.want == "") || strings.Contains(l.Record, canary) {
				t.Errorf("hash %q beside %q", l.Hash, l.Record)
			}
		})
	}
}

// A rename changes nothing about masking.
func TestMaskingRulesFollowTheRename(t *testing.T) {
	cfg, err := config.Parse("auditship.yml", []byte(`{inputs: [{type: file, id: files, paths: [/nowhere],
		rename: {rid: id, ts: event_time, msg: error_message, req.path: http_request.uri}}], elasticsearch: {urls: ["https://localhost:9200"]}}`),
		config.Env{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(cfg, Options{StateKey: bytes.Repeat([]byte("k"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	made, err := plan.Transformers(cfg.Inputs[0])
	if err != nil {
		t.Fatal(err)
	}
	var out Result
	made().Transform(event.Batch{Input: "files", Records: []event.Raw{{Bytes: []byte(
		`{"rid":"4111111111111111","ts":1795143845,"msg":"invalid token ` + canary + `99","req":{"path":"/cb?code=` + canary + `"}}`)}}}, &out)
	if len(out.Documents) != 1 {
		t.Fatalf("%+v", out)
	}
	doc := string(out.Documents[0].Source)
	if strings.Contains(doc, canary) || !strings.Contains(doc, "4111111111111111") || !strings.Contains(doc, "/cb?code=") {
		t.Errorf("the document is %s", doc)
	}
}
