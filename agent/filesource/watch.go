package filesource

import (
	"context"
	"time"

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
	known  map[string]bool
	log    zerolog.Logger
}

func newWatcher(log zerolog.Logger) *watcher {
	w := &watcher{
		done: make(chan struct{}), log: log, known: map[string]bool{},
		wake: make(chan struct{}, 1), rescan: make(chan struct{}, 1),
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn().Err(err).Msg("no file notifications: looking for changes at intervals only")
		close(w.done)
		return w
	}
	w.notify = notify
	go w.forward()
	return w
}

// follow watches folders and reports whether one of them was not watched before. A
// folder that cannot be watched is polled.
func (w *watcher) follow(folders []string) (more bool) {
	if w.notify == nil {
		return false
	}
	for _, dir := range folders {
		more = more || !w.known[dir]
		w.known[dir] = true
		_ = w.notify.Add(dir) // polling covers it
	}
	return more
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
