package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/contain"
	"github.com/auditship/auditship/agent/strictyaml"
)

// Main runs the command that args name, without the program's own name, and
// gives the exit code. SIGINT and SIGTERM end the context of the command, which
// then stops in order; a second signal ends the process at once.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
	return execute(newRootCommand(p), p, args)
}

func execute(root *cobra.Command, p *program, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal is not caught any more

	started := false
	markStart(root, &started)
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	var cmd *cobra.Command
	err := contain.Run("auditship", func() (err error) {
		cmd, err = root.ExecuteContextC(ctx)
		return err
	})
	if err != nil && !started {
		// Nothing has run yet, so this is about the arguments.
		err = misused(fmt.Errorf("%s\nRun '%s --help' for usage", strings.TrimSpace(err.Error()), cmd.CommandPath()))
	}
	report(p.stderr, err)
	return exitCode(err)
}

// markStart makes each command note that it was reached.
func markStart(cmd *cobra.Command, started *bool) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return run(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		markStart(child, started)
	}
}

// report prints an error for a person. Mistakes in a file begin with their
// place, as editors and terminals know it.
func report(stderr io.Writer, err error) {
	if err == nil {
		return
	}
	text := "auditship: " + err.Error()
	var mistakes strictyaml.Errors
	switch {
	case errors.As(err, &mistakes):
		text = mistakes.Error()
	case errors.Is(err, context.Canceled):
		text = "auditship: interrupted"
	}
	if next := advice(err); next != "" {
		text += "\nnext: " + next
	}
	_, _ = fmt.Fprintln(stderr, text) // there is nowhere left to complain
}
