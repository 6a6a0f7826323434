package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/unwrap"
)

// formatFlags say how files are written, for commands that read them.
type formatFlags struct{ encoding, unwrap string }

func (f *formatFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.encoding, "encoding", "", "`name` of the files' encoding where it is not UTF-8, -16 or -32: windows-1252, gbk, gb18030")
	flags.StringVar(&f.unwrap, "unwrap", auto, "`kind` of what stands around each record: auto, none, docker, cri, syslog, journald, prefix")
}

// check gives both: no encoding for one that is recognised, and no wrap for one that
// is told by the first lines.
func (f *formatFlags) check() (encoding *charset.Charset, wrap unwrap.Kind, err error) {
	if f.encoding != "" {
		if encoding, err = charset.Lookup(f.encoding); err != nil {
			return nil, "", fmt.Errorf("--encoding: %w", err)
		}
	}
	if name := strings.ToLower(f.unwrap); name != auto {
		if wrap, err = unwrap.Parse(name); err != nil {
			return nil, "", fmt.Errorf("--unwrap: %w", err)
		}
	}
	return encoding, wrap, nil
}

const auto = "auto"

// configure puts both into the configuration of an input.
func (f *formatFlags) configure(in *config.FileInput) error {
	encoding, wrap, err := f.check()
	if err != nil {
		return err
	}
	if encoding != nil {
		in.Encoding = encoding.Name()
	}
	if in.Unwrap = auto; wrap != "" {
		in.Unwrap = string(wrap)
	}
	return nil
}
