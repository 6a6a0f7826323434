package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/config"
)

func TestLoggerWritesJSONWhereNobodyReads(t *testing.T) {
	for _, format := range []string{"auto", "json"} {
		var out bytes.Buffer
		logger := newLogger(&out, config.Log{Level: "info", Format: format})
		logger.Debug().Msg("hidden")
		logger.Info().Str("input", "files").Msg("shown")
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v in %s", format, err, &out)
		}
		if line["message"] != "shown" || line["level"] != "info" || line["input"] != "files" || line["time"] == nil {
			t.Errorf("%s: %v", format, line)
		}
	}
}

func TestLoggerForPeople(t *testing.T) {
	var out bytes.Buffer
	logger := newLogger(&out, config.Log{Level: "info", Format: "console"})
	logger.Warn().Str("input", "files").Msg("look here")
	if s := out.String(); !strings.Contains(s, "WRN look here input=files\n") || strings.Contains(s, "\x1b") {
		t.Errorf("got %q", s)
	}
}

func TestLogLevelFlagWins(t *testing.T) {
	for name, tt := range map[string]struct {
		flag levelFlag
		file string
		want zerolog.Level
	}{
		"flag":    {"trace", "error", zerolog.TraceLevel},
		"file":    {"", "warn", zerolog.WarnLevel},
		"neither": {"", "", zerolog.InfoLevel},
	} {
		p := &program{stderr: &bytes.Buffer{}, logLevel: tt.flag}
		if got := p.logger(config.Log{Level: tt.file}).GetLevel(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
