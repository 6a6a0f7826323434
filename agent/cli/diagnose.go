package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/diagnose"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/pipeline"
)

func newDiagnoseCommand(p *program) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "diagnose",
		Short: "Collect what helps to find a fault, safe to send to a stranger",
		Long: `Diagnose collects into one archive: the build, the configuration with *** for
secrets, what check --online says, readiness and metrics of the running agent,
saved positions, the reasons of dead letters without the letters, and the
service's last log lines, masked. Nothing of a record and no secret is in it;
names of hosts, files and inputs are, and a README lists the parts. What cannot
be had is named, and the rest is there all the same.

Run it as a user who may read the configuration and the state directory.`,
		Example: `  auditship diagnose
  auditship diagnose -o auditship-diagnose.tar.gz`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				output = "auditship-diagnose-" + time.Now().UTC().Format("20060102T150405Z") + ".tar.gz"
			}
			return p.diagnose(cmd.Context(), output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `file`, which must not exist (default: auditship-diagnose-TIME.tar.gz here)")
	return cmd
}

func (p *program) diagnose(ctx context.Context, output string) (err error) {
	cfg, err := p.loadConfig()
	if err != nil {
		return err
	}
	rules, err := loadRules(cfg.Masking)
	if err != nil {
		return err
	}
	check := func() ([]byte, error) {
		var out bytes.Buffer
		verdict := (&program{stdout: &out, stderr: &out}).checkOnline(ctx, cfg)
		if verdict != nil {
			fmt.Fprintln(&out, verdict)
		}
		return out.Bytes(), nil
	}
	f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return misused(fmt.Errorf("create the archive: %w", err))
	}
	page := func(path string) ([]byte, error) {
		return health.AskPage(ctx, cfg.HTTP, pipeline.Guard(cfg.HTTPAccess), path)
	}
	parts := diagnose.Collect(ctx, cfg, rules, versionLine(debug.ReadBuildInfo()), check, page)
	missing, err := diagnose.Write(f, strings.TrimSuffix(filepath.Base(output), ".tar.gz"), time.Now(), parts)
	if err = errors.Join(err, f.Close(), ctx.Err()); err != nil {
		return errors.Join(err, os.Remove(output))
	}
	if len(missing) > 0 {
		_, _ = fmt.Fprintf(p.stderr, "could not be had: %s; each says why in the archive\n", strings.Join(missing, ", ")) // the archive says it too
	}
	_, err = fmt.Fprintf(p.stdout, "%s: look through it before you send it; names of hosts and files are in it\n", output)
	return err
}
