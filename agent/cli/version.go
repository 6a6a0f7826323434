package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set by the linker: -ldflags "-X github.com/auditship/auditship/agent/cli.version=1.2.3 ...".
var (
	version string // without a leading v
	commit  string
	date    string // of the commit, RFC 3339
)

func newVersionCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print which build this is",
		Long: `Version prints the release, the commit it was built from with its date, and the
Go release and platform it was built for. Name it when you report a problem.`,
		Example: `  auditship version
  docker run --rm auditship version`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, versionLine(debug.ReadBuildInfo()))
			return err
		},
	}
}

// versionLine prefers what the linker set, and falls back to what Go itself
// noted in a binary made by go install or go build.
func versionLine(info *debug.BuildInfo, ok bool) string {
	v, c, d := version, commit, date
	if ok {
		v = cmp.Or(v, info.Main.Version)
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				c = cmp.Or(c, s.Value)
			case "vcs.time":
				d = cmp.Or(d, s.Value)
			}
		}
	}
	return fmt.Sprintf("auditship %s (commit %s, %s) %s %s/%s",
		cmp.Or(v, "(devel)"), cmp.Or(c, "unknown"), cmp.Or(d, "date unknown"),
		runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
