package config

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// FileInput reads files that the gateway writes or exported: NDJSON, pretty or
// concatenated JSON, JSON arrays and CSV, each also compressed (gzip, zstd, bzip2, xz).
type FileInput struct {
	// Paths are globs of the files to read; ** stands for any number of
	// folders. Rotated files must match too. One glob may stand without a
	// list. Needed.
	Paths StringList `yaml:"paths" is:"glob" like:"path,files,include,glob"`

	// Exclude are globs of files to leave out although paths match them.
	// Default: none.
	Exclude StringList `yaml:"exclude" is:"glob" like:"ignore,exclude_files"`

	// MaxRecord is the size of the largest record that is read whole. A larger
	// one becomes a dead letter with its place, to be read by replay under a
	// larger max_record. Default: 8MiB.
	MaxRecord Bytes `yaml:"max_record" min:"1KiB" max:"1GiB" like:"max_bytes,max_line_bytes,message_max_bytes"`

	// Timezone is the zone of times that name none, as a CSV export may have
	// them: an IANA name such as Europe/Berlin, or Local for the host's.
	// Default: UTC.
	Timezone string `yaml:"timezone" is:"timezone" like:"time_zone,tz"`

	// Encoding is that of the files where it is not UTF-8: windows-1252, gbk,
	// gb18030, big5, shift_jis and so on. UTF-16 and UTF-32 are recognised and
	// need not be named. Default: none.
	Encoding string `yaml:"encoding,omitempty" is:"encoding" like:"charset,encode"`

	// Unwrap is what stands around each record: docker (json-file), cri
	// (Kubernetes), syslog, journald (journalctl -o json), prefix (anything in
	// front of it on its line), or none. auto tells by the first lines.
	// Default: auto.
	Unwrap string `yaml:"unwrap" oneof:"auto,none,docker,cri,syslog,journald,prefix" like:"wrap,parser,parsers,container.format"`

	// PollInterval is how often a file without notifications of its file
	// system (NFS, some containers) is looked at for more. Default: 1s.
	PollInterval Duration `yaml:"poll_interval" min:"10ms" max:"1h" like:"check_interval,backoff"`

	// ScanInterval is how often the globs are evaluated anew for files that no
	// notification announced. Default: 10s.
	ScanInterval Duration `yaml:"scan_interval" min:"10ms" max:"1h" like:"scan_frequency,refresh_interval"`

	// CloseInactive is when a file that no longer grows is closed. Its
	// position is kept and it is opened again when it grows. Default: 5m.
	CloseInactive Duration `yaml:"close_inactive" min:"1s" like:"close.on_state_change.inactive"`

	// FollowSymlinks reads what symbolic links lead to, too. Without it links
	// below a glob's first wildcard are passed over: whoever may write to the
	// folder could make the agent read, and send, any file that its user may
	// read. /var/log/containers of Kubernetes holds nothing but links.
	// Default: false.
	FollowSymlinks bool `yaml:"follow_symlinks" like:"symlinks,follow_links,prospector.scanner.symlinks"`

	// SymlinkRoots are the folders within which links may lead with
	// follow_symlinks, for example /var/log/pods. Default: the folders before
	// the first wildcards of paths.
	SymlinkRoots StringList `yaml:"symlink_roots" is:"path" like:"link_roots,allowed_roots"`
}

// Location is the time zone named by Timezone.
func (f *FileInput) Location() *time.Location {
	zone, err := time.LoadLocation(f.Timezone)
	if err != nil {
		return time.UTC // not after Parse, which checked the name
	}
	return zone
}

// DefaultFileInput has the defaults of an input of type file.
func DefaultFileInput() FileInput {
	return FileInput{
		MaxRecord:     8 * MiB,
		Timezone:      "UTC",
		Unwrap:        "auto",
		PollInterval:  Duration(time.Second),
		ScanInterval:  Duration(10 * time.Second),
		CloseInactive: Duration(5 * time.Minute),
	}
}

func (f *FileInput) setDefaults() { *f = DefaultFileInput() }

func (f *FileInput) check(d *decoder, at string, cfg *Config) {
	if len(f.Paths) == 0 {
		d.needed(at, "needed: at least one glob", "paths")
	}
	for i, pattern := range f.Paths {
		for _, own := range []string{cfg.StateDir, cfg.DeadLetter.Path} {
			if hit, err := doublestar.PathMatch(pattern, filepath.Join(own, "any.json")); err == nil && hit {
				key := d.closest(fmt.Sprintf("%s.paths[%d]", at, i))
				d.FailAt(d.At(key), key, "matches the agent's own files, in state_dir or dead_letter.path; use a narrower glob", "")
				break
			}
		}
	}
}

func (*FileInput) holdsAnswers() bool { return true }

func (*FileInput) learnsNames() bool { return false }
