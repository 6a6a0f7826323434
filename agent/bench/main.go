package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/auditship/auditship/agent/bench/events"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bench(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	agent  string // path of the agent's binary
	work   string // folder for events
	out    string // folder for the tables
	events int
	rounds int
	only   string
	note   string
}

const usage = `bench measures the agent and every other shipper of logs on this machine.

  go run ./agent/bench [flags]                 compare, and write results.md
  go run ./agent/bench [flags] growth          how cost grows, and write growth.md
  go run ./agent/bench [flags] elasticsearch   with a real Elasticsearch around it:
      bin/auditship-demo elasticsearch -- go run ./agent/bench elasticsearch

make bench does the first two. Figures are ratios of one run; leave the machine
alone while it works.
`

func bench(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Usage = func() {
		_, _ = fmt.Fprint(flags.Output(), usage+"\n") // there is nowhere else to say it
		flags.PrintDefaults()
	}
	flags.StringVar(&o.agent, "auditship", "bin/auditship", "the agent's binary")
	flags.StringVar(&o.work, "work", "bench-out", "folder for events, kept for the next time")
	flags.StringVar(&o.out, "out", "agent/bench", "folder for the tables")
	flags.IntVar(&o.events, "events", 1_000_000, "events in one run")
	flags.IntVar(&o.rounds, "rounds", 3, "runs of each shipper, interleaved")
	flags.StringVar(&o.only, "only", "", "shippers whose name holds this, beside the agent")
	flags.StringVar(&o.note, "note", "", "a sentence about this run for the tables")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	agent, err := filepath.Abs(o.agent)
	if err != nil {
		return err
	}
	if _, err := os.Stat(agent); err != nil {
		return fmt.Errorf("%w; make build makes it", err)
	}
	shippers[0].command = agent
	if o.work, err = filepath.Abs(o.work); err != nil {
		return err
	}
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return err
	}
	switch flags.Arg(0) {
	case "":
		return compare(ctx, o)
	case "growth":
		return growth(ctx, o)
	case "elasticsearch":
		return saturate(ctx, o)
	}
	return fmt.Errorf("%q is not growth or elasticsearch", flags.Arg(0))
}

// eventFile makes a file with so many events of at least so many bytes, unless it is
// there from before.
func eventFile(work string, first, count, bytes int) (string, error) {
	path := filepath.Join(work, fmt.Sprintf("events-%d-%d-%d.ndjson", first, count, bytes))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return "", err
	}
	err = events.Write(f, events.Options{First: first, Count: count, Bytes: bytes})
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(path+".part", path)
}

// warm reads a file once, so that no run pays for the disk.
func warm(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Read(buf)
	}
	_ = f.Close() // read only
	return nil
}

// write writes a table beside the sources.
func (o options) write(name, text string) error {
	fmt.Println(text)
	return os.WriteFile(filepath.Join(o.out, name), []byte(strings.TrimRight(text, "\n")+"\n"), 0o644)
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
