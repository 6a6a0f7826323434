package filesource

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/find"
	"github.com/auditship/auditship/agent/filesource/unwrap"
)

// Config says what to follow. Input, Paths and Key are needed; the zero value of
// everything else has the default that is named.
type Config struct {
	Input   event.InputID
	Gateway string   // part of every _id
	Paths   []string // globs, ** for any number of folders
	Exclude []string // globs, matched against the whole path
	// FollowSymlinks and SymlinkRoots are find.Config's FollowSymlinks and Roots.
	FollowSymlinks bool
	SymlinkRoots   []string
	// Key keys the hashes in positions and faults.
	Key []byte
	// Resumed says that an earlier run used this state: what is on disk at the
	// start may have been sent already.
	Resumed bool
	// Once reads everything to its end and returns.
	Once bool
	// Forget is for Once: positions serve only to go on after an interruption,
	// and are forgotten when everything was read.
	Forget bool
	// Encoding is that of the files; nil tells UTF-8, UTF-16 and UTF-32 by what the
	// files begin with.
	Encoding *charset.Charset
	// Unwrap is what stands around the records; "" tells it by the first lines.
	Unwrap unwrap.Kind
	// Rename is what columns of CSV files are renamed to later: a header in it
	// counts as known.
	Rename map[string]string
	// Reader is read instead of Paths, once; it has no positions. Run returns
	// its error. Run waits for its Read even after its context ended.
	Reader io.Reader

	MaxRecord     int64         // bytes; 8 MiB
	BatchBytes    int           // bytes read at once; 512 KiB
	PollInterval  time.Duration // looks at open files without notification; 1 s
	ScanInterval  time.Duration // looks for new files without notification; 10 s
	CloseInactive time.Duration // lets go of a removed file that grows no more; 5 min
	MaxOpen       int           // files held open; MaxOpen(1)
	HangsAfter    time.Duration // when a call to the file system counts as one that hangs; 30 s
	// Room says why a file may not be read on for now, nil if it may: its dead letters
	// take too much room. nil: it may. What is read Once does not wait.
	Room func(path string) error
	// Owe is told what is not read and why, and that it is read after all. It may be
	// called from another goroutine than that of Run.
	Owe func(event.Debt)
	// ReachedEnd is called whenever everything that was there has been read.
	ReachedEnd func()
	Log        zerolog.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxRecord, 8<<20)
	setDefault(&c.BatchBytes, 512<<10)
	setDefault(&c.PollInterval, time.Second)
	setDefault(&c.ScanInterval, 10*time.Second)
	setDefault(&c.CloseInactive, 5*time.Minute)
	setDefault(&c.MaxOpen, MaxOpen(1))
	setDefault(&c.HangsAfter, 30*time.Second)
	if c.ReachedEnd == nil {
		c.ReachedEnd = func() {}
	}
	return c
}

// Where is what to look for.
func (c Config) Where() find.Config {
	return find.Config{Paths: c.Paths, Exclude: c.Exclude, FollowSymlinks: c.FollowSymlinks, Roots: c.SymlinkRoots}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Emit takes a batch; it blocks while the pipeline is full.
type Emit = func(context.Context, event.Batch) error

// Stats are running totals, safe to read at any time.
type Stats struct {
	Files        atomic.Int64 // followed now
	BehindBytes  atomic.Int64 // on disk and not emitted yet, when last looked
	DoneBytes    atomic.Int64 // on disk and read, when last looked
	SizeBytes    atomic.Int64 // on disk, when last looked; 0 for Config.Reader
	ResumedBytes atomic.Int64 // with Once: of DoneBytes, those of an earlier run
	Truncations  atomic.Int64
	PossiblyLost atomic.Int64 // bytes that were on disk and unread when a file was truncated
	Errors       atomic.Int64 // files that could not be read, once for each fault
}
