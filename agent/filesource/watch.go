package filesource

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/fsnotify/fsnotify"
	"github.com/rs/zerolog"

	"github.com/auditship/auditship/exporter/peer"
)

// watcher wakes the source when something happens in the folders of its globs. It
// is only ever a hint: network file systems tell nothing, so the source looks by
// itself as well.
type watcher struct {
	notify *fsnotify.Watcher // nil where the system has none left
	done   chan struct{}
	wake   chan struct{} // a file was written to
	rescan chan struct{} // a file came, went or was renamed
	log    zerolog.Logger
}

func newWatcher(globs []string, log zerolog.Logger) *watcher {
	w := &watcher{
		done: make(chan struct{}), log: log,
		wake: make(chan struct{}, 1), rescan: make(chan struct{}, 1),
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn().Err(err).Msg("no file notifications: looking for changes at intervals only")
		close(w.done)
		return w
	}
	w.notify = notify
	w.follow(globs)
	go w.forward()
	return w
}

// follow watches the folders that the globs can match files in; those that are
// watched already are not touched. A folder that cannot be watched is polled.
func (w *watcher) follow(globs []string) {
	if w.notify == nil {
		return
	}
	for _, glob := range globs {
		for _, dir := range folders(glob) {
			_ = w.notify.Add(dir) // polling covers it
		}
	}
}

// folders lists the existing folders in which glob can match a file.
func folders(glob string) []string {
	dir, pattern := doublestar.SplitPattern(filepath.ToSlash(glob))
	i := strings.LastIndexByte(pattern, '/')
	if i < 0 {
		return []string{filepath.FromSlash(dir)}
	}
	dirs := []string{filepath.FromSlash(dir)}
	_ = doublestar.GlobWalk(os.DirFS(dir), pattern[:i], func(path string, d fs.DirEntry) error {
		if d.IsDir() {
			dirs = append(dirs, filepath.Join(dir, path))
		}
		return nil
	})
	return dirs
}

// forward turns notifications into signals until the watcher is closed.
func (w *watcher) forward() {
	defer close(w.done)
	for {
		select {
		case e, ok := <-w.notify.Events:
			if !ok {
				return
			}
			if e.Has(fsnotify.Write) || e.Has(fsnotify.Chmod) {
				signal(w.wake)
			} else {
				signal(w.rescan)
			}
		case _, ok := <-w.notify.Errors:
			if !ok {
				return
			}
			signal(w.rescan) // an overflow: something happened
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait returns when something happened or after the interval. It reports whether
// files may have come or gone.
func (w *watcher) wait(ctx context.Context, interval time.Duration) (rescan bool, err error) {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-w.rescan:
		return true, nil
	case <-w.wake:
		return false, peer.Sleep(ctx, coalesce)
	case <-timer.C:
	}
	return false, nil
}

// coalesce is how long the source waits after a write, so that a busy writer is
// read in batches.
const coalesce = 20 * time.Millisecond

func (w *watcher) close() {
	if w.notify != nil {
		if err := w.notify.Close(); err != nil {
			w.log.Debug().Err(err).Msg("close the file notifications")
		}
	}
	<-w.done
}
