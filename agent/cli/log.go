package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/exporter/printable"
)

// levels are the names that log.level and --log-level take.
var levels = []string{"trace", "debug", "info", "warn", "error"}

// levelFlag is the value of --log-level; "" where it is not given.
type levelFlag string

func (l *levelFlag) String() string { return string(*l) }
func (l *levelFlag) Type() string   { return "level" }

// Set takes one of levels.
func (l *levelFlag) Set(s string) error {
	if !slices.Contains(levels, s) {
		return fmt.Errorf("must be one of %s", strings.Join(levels, ", "))
	}
	*l = levelFlag(s)
	return nil
}

// logger makes the logger of a command, which writes to stderr. The flag
// --log-level wins over the configuration.
func (p *program) logger(c config.Log) zerolog.Logger {
	if p.logLevel != "" {
		c.Level = string(p.logLevel)
	}
	return newLogger(p.stderr, c)
}

// newLogger writes JSON, one object a line with its time in UTC, or for people
// where the format says so or, with auto, where w is a terminal.
func newLogger(w io.Writer, c config.Log) zerolog.Logger {
	if c.Format == "console" || c.Format == "auto" && isTerminal(w) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.DateTime, NoColor: !isTerminal(w) || os.Getenv("NO_COLOR") != "",
			FormatMessage: message}
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil || c.Level == "" {
		level = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// message makes a message safe for a terminal; zerolog quotes values by itself.
func message(i any) string {
	if i == nil {
		return ""
	}
	return printable.Line(fmt.Sprint(i))
}

// isTerminal says whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
