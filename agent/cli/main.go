package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/contain"
	"github.com/auditship/auditship/agent/strictyaml"
	"github.com/auditship/auditship/exporter/printable"
)

// Main runs the command that args name, without the program's own name, and
// gives the exit code. SIGINT and SIGTERM end the context of the command, which
// then stops in order; a second signal ends the process at once.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	keepOutOfDumps()
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
	text := "auditship: " + oneLinePath(err)
	var mistakes strictyaml.Errors
	switch {
	case errors.As(err, &mistakes):
		text = shownMistakes(mistakes)
	case errors.Is(err, context.Canceled):
		text = "auditship: interrupted"
	}
	if next := advice(err); next != "" {
		text += "\nnext: " + next
	}
	_, _ = fmt.Fprintln(stderr, printable.Text(text)) // there is nowhere left to complain
}

// shownMistakes is the text of mistakes in files, whose names and keys take no more than
// their line.
func shownMistakes(mistakes strictyaml.Errors) string {
	shown := make(strictyaml.Errors, len(mistakes))
	for i, m := range mistakes {
		one := *m
		one.File, one.Key = printable.Line(m.File), printable.Line(m.Key)
		shown[i] = &one
	}
	return shown.Error()
}

// oneLinePath is the text of an error in which the name of a file takes no more than its
// line.
func oneLinePath(err error) string {
	var file *fs.PathError
	text := err.Error()
	if errors.As(err, &file) && file.Path != "" {
		text = strings.ReplaceAll(text, file.Path, printable.Line(file.Path))
	}
	return text
}
