package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/contain"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/find"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/agent/pipeline"
	"github.com/auditship/auditship/exporter/deadletter"
	"github.com/auditship/auditship/exporter/durable"

	"github.com/auditship/auditship/agent/strictyaml"
)

// importing is one call of import.
type importing struct {
	*program
	dryRun     bool
	deadLetter string // file, "" for the configured folder
	timezone   string
	format     formatFlags
	gateway    string // "" for the configured one
	maxRecord  string

	learners []config.Input // configured ones that know the gateway's display names
}

func newImportCommand(p *program) *cobra.Command {
	i := &importing{program: p}
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Load exports of the gateway once",
		Long: `Import reads files that the gateway wrote or exported, masks each record, and
puts it into Elasticsearch unless it is there already. A file may hold one record
a line, records over several lines, one behind the other or in an array, a saved
answer of the audit API, or CSV, whose headers are the record's keys or the audit
page's titles. Each may be compressed (gzip, zstd, bzip2, xz), in UTF-16 or UTF-32,
or in another encoding that --encoding names, and wrapped by a container's log,
syslog, the journal or grep. - is standard input.

What auditship export --details wrote is taken as well, and adds nothing where the
records are still there: each has the id that it had. A record without an id, as in
the CSV that the gateway's audit page and export without --details write, is looked
for by its time, operator, event, resource, address and source, so that it is not
there twice; of equal ones as many are new as there are more than before. One that
reached Elasticsearch less than some seconds ago may not be found yet.

A second run adds nothing. After Ctrl-C the same command goes on where it was.
An agent may be running, and may have sent the same records.

Of the configuration it needs elasticsearch, with the agent's key, and heeds
everything but the inputs: gateway, rename, tags, masking, state_dir and so on.
It writes to state_dir, so run it as the agent's user.

What is no record, or is refused by Elasticsearch, becomes a dead letter: masked,
with its reason and place, in the configured folder or in the file that
--dead-letter names. See auditship replay.

With --dry-run nothing is sent and nothing is saved: the documents are printed on
standard output, one {"_id":...,"_source":...} a line. It needs no Elasticsearch,
and no configuration file unless -c names one.

Exit code 0 says that every record is in Elasticsearch, 1 that some were rejected,
that a file cannot be read to its end, or that it was interrupted, 2 that a file
is not there or the configuration is wrong, 3 that Elasticsearch did not answer.`,
		Example: `  auditship import audit-2026-11.json audit-2026-10.csv.gz
  auditship import --timezone Europe/Berlin --dead-letter rejects.ndjson audit.csv
  auditship import --dry-run audit.json | head
  ssh gateway cat /var/log/api7/audit/audit.json.1.gz | auditship import -`,
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return errors.New("import needs the name of at least one file; - is standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			cfg, err := i.configuration(cmd.Flags().Changed("config"))
			if err != nil {
				return err
			}
			if err := i.addInputs(cfg, files); err != nil {
				return misused(err)
			}
			if i.dryRun {
				return i.rehearse(cmd.Context(), cfg)
			}
			return i.run(cmd.Context(), cfg)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&i.dryRun, "dry-run", false, "print the documents instead of sending them")
	flags.StringVar(&i.deadLetter, "dead-letter", "", "write what is rejected to `file` (default: the configured folder)")
	flags.StringVar(&i.timezone, "timezone", "UTC", "of times that name none, as in CSV: an IANA `name`, UTC or local")
	flags.StringVar(&i.gateway, "gateway", "", "`name` of the gateway whose records these are (default: the configuration's gateway)")
	i.format.add(flags)
	flags.StringVar(&i.maxRecord, "max-record", config.DefaultFileInput().MaxRecord.String(), "`size` of the largest record that is taken")
	return cmd
}

// configuration reads what import needs. A dry run does without Elasticsearch and,
// unless it was named, without the file.
func (i *importing) configuration(named bool) (*config.Config, error) {
	_, err := os.Stat(i.configPath)
	if i.dryRun && !named && errors.Is(err, fs.ErrNotExist) {
		cfg := config.Default()
		return &cfg, nil
	}
	return i.withoutInputs(config.Env{NoElasticsearch: i.dryRun}, func(cfg *config.Config) []config.Secret {
		if i.dryRun {
			return []config.Secret{cfg.IDKey}
		}
		return []config.Secret{cfg.Elasticsearch.APIKey, cfg.Elasticsearch.Password, cfg.IDKey}
	})
}

// The ids of the inputs that import makes, which are tags of the documents.
const (
	importInput = "import"
	stdinInput  = "import-stdin"
)

// addInputs puts the files in the place of the configured inputs.
func (i *importing) addInputs(cfg *config.Config, files []string) error {
	file := config.DefaultFileInput()
	zone, err := parseZone(i.timezone)
	if err != nil {
		return err
	}
	file.Timezone = zone.String()
	if err := i.format.configure(&file); err != nil {
		return err
	}
	if file.MaxRecord, err = strictyaml.ParseBytes(i.maxRecord); err != nil || file.MaxRecord < strictyaml.KiB || file.MaxRecord > strictyaml.GiB {
		return fmt.Errorf("--max-record: %q is not a size from 1KiB to 1GiB such as 64MiB", i.maxRecord)
	}
	if i.gateway == "" {
		i.gateway = cfg.Gateway
	}
	if err := config.CheckGateway(i.gateway); err != nil {
		return fmt.Errorf("--gateway: %w", err)
	}
	paths, stdin, err := i.check(files)
	if err != nil {
		return err
	}
	cfg.HTTP = "off" // that is the agent's
	for _, in := range cfg.Inputs {
		if in.LearnsNames() && in.Gateway == i.gateway {
			i.learners = append(i.learners, in)
		}
	}
	cfg.Inputs = nil
	add := func(id event.InputID, f config.FileInput) {
		cfg.Inputs = append(cfg.Inputs, config.Input{
			Type: config.TypeFile, ID: id, Gateway: i.gateway, Rename: withOwnExports(cfg.Rename), Tags: cfg.Tags, File: &f,
		})
	}
	if stdin {
		add(stdinInput, file)
	}
	if file.Paths = paths; len(paths) > 0 {
		add(importInput, file)
	}
	return nil
}

// check opens every file, so that a mistake is told before anything is sent.
func (i *importing) check(files []string) (paths []string, stdin bool, err error) {
	rejects, _ := os.Stat(i.deadLetter) // nil where there is none yet
	for _, name := range files {
		if name == "-" {
			stdin = true
			continue
		}
		path, err := durable.Follow(name)
		if err != nil {
			return nil, false, fmt.Errorf("%w%s", err, explainOpen(name, err))
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, false, err
		}
		switch {
		case info.IsDir():
			return nil, false, fmt.Errorf("%s is a folder; name the files in it: %s", name, filepath.Join(name, "*"))
		case !info.Mode().IsRegular():
			return nil, false, fmt.Errorf("%s is no regular file; give it as standard input: auditship import - < %s", name, name)
		case rejects != nil && os.SameFile(rejects, info):
			return nil, false, fmt.Errorf("--dead-letter: %s is one of the files to import", i.deadLetter)
		}
		glob := literal(path)
		f, _, err := find.New(find.Config{Paths: []string{glob}}).Open(path)
		if err != nil {
			return nil, false, fmt.Errorf("%w%s", err, explainOpen(name, err))
		}
		if err := f.Close(); err != nil {
			return nil, false, err
		}
		paths = append(paths, glob)
	}
	return paths, stdin, i.checkDeadLetter()
}

func explainOpen(name string, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "; run import as a user who may read it"
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, "*?["):
		return "; patterns are for the shell: leave them without quotes"
	}
	return ""
}

// literal makes a glob that matches this path only.
func literal(path string) string {
	var b strings.Builder
	for _, r := range path {
		if strings.ContainsRune(`*?[]{}\`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// checkDeadLetter refuses a file that holds something else: dead letters are added
// to it, and what is torn at its end is cut off.
func (i *importing) checkDeadLetter() error {
	if i.deadLetter == "" {
		return nil
	}
	info, err := os.Stat(i.deadLetter)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--dead-letter: %s is not a regular file", i.deadLetter)
	}
	letters, err := deadletter.ReadFile(i.deadLetter)
	if err != nil {
		return fmt.Errorf("--dead-letter: %w", err)
	}
	found := letters.Next()
	if err := errors.Join(letters.Err(), letters.Close()); err != nil {
		return fmt.Errorf("--dead-letter: %w", err)
	}
	if !found && info != nil && info.Size() > 0 {
		return fmt.Errorf("--dead-letter: %s holds no dead letters; name a file that is not there yet", i.deadLetter)
	}
	return nil
}

// run imports the files of the configuration.
func (i *importing) run(ctx context.Context, cfg *config.Config) (err error) {
	keepHeapSmall()
	client, err := newElasticsearch(cfg.Elasticsearch)
	if err != nil {
		return err
	}
	defer client.Close()
	server, err := client.Info(ctx)
	if err == nil {
		err = server.Supported()
	}
	if err != nil {
		return err
	}
	command := ctx
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	display := i.newDisplay()
	log := i.importLog(cfg.Log, display)
	line, err := pipeline.Open(cfg, pipeline.Options{
		Client: client, Log: log, Version: version,
		Once: true, Beside: besideFor(cfg, i.gateway), DeadLetter: i.deadLetter,
		Readers: i.readers(ctx), EventNames: i.eventNames(ctx, log),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, line.Close()) }()
	stop := display.start(command, line, func(why error) { giveUp(pipeline.GiveUp{Reason: why}) })
	err = line.Run(ctx)
	stop()
	return i.conclude(ctx, cfg, line, err)
}

// namesTimeout bounds the question for display names, without which an import works
// as well.
const namesTimeout = 10 * time.Second

// eventNames asks the gateway for the display names of its event types, if the
// configuration has its audit API: the agent's documents have them, too.
func (i *importing) eventNames(ctx context.Context, log zerolog.Logger) map[string]*apisource.EventNames {
	ctx, stop := context.WithTimeout(ctx, namesTimeout)
	defer stop()
	for _, in := range i.learners {
		names := apisource.NewEventNames()
		err := input.LearnNames(ctx, in, names)
		if err == nil {
			return map[string]*apisource.EventNames{i.gateway: names}
		}
		log.Warn().Str("input", string(in.ID)).Err(err).Msg("the gateway's display names are not known; events get the usual ones")
	}
	return nil
}

// besideFor names the folder of the positions: each target has its own, so that an
// interrupted import never goes on in another one.
func besideFor(cfg *config.Config, gateway string) string {
	es := cfg.Elasticsearch
	target := strings.Join(append([]string{gateway, es.Namespace, es.CloudID}, es.URLs...), "\x00")
	sum := sha256.Sum256([]byte(target))
	return filepath.Join("import", hex.EncodeToString(sum[:4]))
}

// readers are what is read instead of files.
func (i *importing) readers(ctx context.Context) map[event.InputID]io.Reader {
	return map[event.InputID]io.Reader{stdinInput: untilDone(ctx, i.stdin)}
}

// untilDone reads r for as long as ctx lasts, so that Ctrl-C ends a command whose
// input says nothing. The one Read that may then be under way ends with r, or with
// the process.
func untilDone(ctx context.Context, r io.Reader) io.Reader {
	in, out := io.Pipe()
	context.AfterFunc(ctx, func() { _ = out.CloseWithError(ctx.Err()) }) // never fails
	started := false
	return readFunc(func(b []byte) (int, error) {
		if !started {
			started = true
			go func() {
				err := contain.Run("reading", func() error {
					_, err := io.Copy(out, r)
					return err
				})
				_ = out.CloseWithError(err) // never fails
			}()
		}
		return in.Read(b)
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

// conclude prints what became of the records, and says what is left to do.
func (i *importing) conclude(ctx context.Context, cfg *config.Config, line *pipeline.Pipeline, err error) error {
	t := sum(line.Ledger().Totals())
	rejected := t.DeadLettered + t.FailureStored
	there := ""
	if n := line.KnownByFields(); n > 0 {
		there = fmt.Sprintf(" (%d known by their fields)", n)
	}
	text := fmt.Sprintf("read %s: %d indexed, %d were there already%s, %d rejected", count(int(t.Read), "record"), t.Indexed, t.Duplicate, there, rejected)
	if t.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped by a rule", t.Dropped)
	}
	if t.InFlight > 0 {
		text += fmt.Sprintf(", %d not sent", t.InFlight)
	}
	_, _ = fmt.Fprintln(i.stdout, text) // the exit code says it too
	unreadable := line.Progress().Unreadable
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return errors.New("interrupted; the same command goes on here")
	case unreadable > 0:
		return fmt.Errorf("%s could not be read to the end, as the log says; the same command goes on there", count(int(unreadable), "file"))
	case rejected > 0:
		return fmt.Errorf("%s rejected and kept in %s; auditship replay%s lists them", count(int(rejected), "record"), i.lettersAt(cfg), i.replayFlag())
	}
	return nil
}

func (i *importing) lettersAt(cfg *config.Config) string {
	if i.deadLetter != "" {
		return i.deadLetter
	}
	return cfg.DeadLetter.Path
}

func (i *importing) replayFlag() string {
	if i.deadLetter != "" {
		return " --dead-letter " + i.deadLetter
	}
	return ""
}

func sum(all []health.Totals) (t health.Totals) {
	for _, one := range all {
		t.Read += one.Read
		t.Indexed += one.Indexed
		t.Duplicate += one.Duplicate
		t.DeadLettered += one.DeadLettered
		t.FailureStored += one.FailureStored
		t.Dropped += one.Dropped
		t.InFlight += one.InFlight
	}
	return t
}

// patience is how long an import waits for an Elasticsearch that answered when it
// began and does not any more.
const patience = 5 * time.Minute

// hopeless is why an import should not wait, or nil: somebody waits for the command,
// and there are things that do not pass by themselves.
func hopeless(waiting []health.Condition, now time.Time) error {
	for _, c := range waiting {
		switch {
		case c.Part == health.DeadLetter:
			return fmt.Errorf("the dead letter %s; the same command goes on when there is room", c.Reason)
		case c.Part != health.Elasticsearch:
		case c.Lasting:
			return fmt.Errorf("elasticsearch takes no documents: %s; when that is mended, the same command goes on here", c.Reason)
		case now.Sub(c.Since) > patience:
			return unreachable(errors.New("elasticsearch takes no documents for a long time: " + c.Reason + "; the same command goes on here"))
		}
	}
	return nil
}

// listed is how many rejects a dry run names.
const listed = 20

// rehearse is --dry-run.
func (i *importing) rehearse(ctx context.Context, cfg *config.Config) error {
	var box *deadletter.Box
	if i.deadLetter != "" {
		var err error
		if box, err = deadletter.OpenFile(i.deadLetter, deadletter.Options{}); err != nil {
			return err
		}
		defer func() { _ = box.Close() }() // nothing is open between calls
	}
	rejects := 0
	reject := func(l deadletter.Letter) error {
		if box != nil {
			return box.Append(ctx, l)
		}
		if rejects++; rejects <= listed {
			_, _ = fmt.Fprintf(i.stderr, "rejected: %s\n", describe(l)) // they are counted, too
		}
		return nil
	}
	log := i.importLog(cfg.Log, nil)
	o := pipeline.Options{Log: log, Version: version, Readers: i.readers(ctx), EventNames: i.eventNames(ctx, log)}
	t, err := pipeline.DryRun(ctx, cfg, o, i.stdout, reject)
	if rejects > listed {
		_, _ = fmt.Fprintf(i.stderr, "and %d more; --dead-letter FILE keeps them\n", rejects-listed)
	}
	text := fmt.Sprintf("read %s: %s, %d rejected", count(int(t.Read), "record"), count(int(t.Documents), "document"), t.Rejected)
	if t.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped by a rule", t.Dropped)
	}
	_, _ = fmt.Fprintln(i.stderr, text) // the exit code says it too
	if t.Unsettled > 0 {
		_, _ = fmt.Fprintf(i.stderr, "%s without an id will get another _id: no id key could be read from %s\n", count(int(t.Unsettled), "record"), cfg.StateDir)
	}
	switch {
	case err != nil:
		return err
	case t.Unreadable > 0:
		return fmt.Errorf("%s could not be read to the end, as the log says", count(int(t.Unreadable), "file"))
	case t.Rejected > 0:
		return fmt.Errorf("%s would be rejected", count(int(t.Rejected), "record"))
	}
	return nil
}

// describe says where a rejected record stands, and nothing that it says.
func describe(l deadletter.Letter) string {
	path := l.Path
	if path == "" {
		path = "standard input"
	}
	if n := l.Records(); n > 1 {
		return fmt.Sprintf("%d times %s from byte %d to byte %d of %s (%d bytes)", n, l.Reason, l.Offset, l.Last, path, l.Length)
	}
	return fmt.Sprintf("%s at byte %d of %s (%d bytes)", l.Reason, l.Offset, path, l.Length)
}
