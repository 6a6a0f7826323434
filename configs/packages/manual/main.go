package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/cli"
)

func main() {
	version := flag.String("version", "", "version of the release")
	date := flag.String("date", "", "date of the release, as 2026-01-31")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: manual [-version VERSION] [-date DATE] DIR")
		os.Exit(2)
	}
	if err := write(flag.Arg(0), cli.Commands(), *version, *date); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

// write fills dir with the pages and completions of a tree of commands.
func write(dir string, root *cobra.Command, version, date string) error {
	for _, folder := range []string{"man1", "completions"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			return err
		}
	}
	for _, cmd := range pages(root) {
		text, err := render(cmd, version, date)
		if err != nil {
			return fmt.Errorf("page of %s: %w", cmd.CommandPath(), err)
		}
		if err := writeZipped(filepath.Join(dir, "man1", pageName(cmd)+".1.gz"), text); err != nil {
			return err
		}
	}
	return writeCompletions(filepath.Join(dir, "completions"), root)
}

func writeCompletions(dir string, root *cobra.Command) error {
	base := filepath.Join(dir, root.Name())
	return errors.Join(
		root.GenBashCompletionFileV2(base+".bash", true),
		root.GenZshCompletionFile(base+".zsh"),
		root.GenFishCompletionFile(base+".fish", true),
	)
}

// writeZipped compresses without a name and a time, as gzip -n9 does.
func writeZipped(path string, text []byte) error {
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = zw.Write(text)
	if err := errors.Join(err, zw.Close()); err != nil {
		return fmt.Errorf("compress %s: %w", path, err)
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
