package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/exporter/deadletter"
	"github.com/auditship/auditship/exporter/peer"
)

// letters is the way into the dead letter.
type letters struct {
	notices *notices
	box     *deadletter.Box // nil until it is open
	known   knownLetters
	buried  tally // by reason
}

// open opens the folder, or the file instead if one is named. beside says that the run
// may be one of several over the same files: what they wrote is not written again.
func (l *letters) open(folder, file string, maxBytes int64, beside bool) (err error) {
	path, open, read := folder, deadletter.Open, deadletter.Read
	if file != "" {
		path, open, read = file, deadletter.OpenFile, deadletter.ReadFile
	}
	if l.box, err = open(path, deadletter.Options{MaxBytes: maxBytes}); err != nil || !beside {
		return err
	}
	written, err := read(path)
	if err != nil {
		return err
	}
	l.known, err = readKnown(written)
	return err
}

func (l *letters) close() error {
	if l.box == nil {
		return nil
	}
	return l.box.Close()
}

// bytes is how much lies in the dead letter.
func (l *letters) bytes() float64 {
	size, _ := l.box.Size() // a folder that cannot be read shows when a letter is written
	return float64(size)
}

// bury makes letters durable. When the dead letter is full or its disk fails, it
// waits: nothing is read on until there is room.
func (l *letters) bury(ctx context.Context, written ...deadletter.Letter) error {
	if written = l.known.news(written); len(written) == 0 {
		return nil
	}
	for {
		err := l.box.Append(ctx, written...)
		if err == nil {
			l.notices.set(health.DeadLetter, "")
			for i := range written {
				l.buried.add(written[i].Reason, 1)
			}
			return nil
		}
		reason := "cannot be written; reading waits"
		if errors.Is(err, deadletter.ErrFull) {
			reason = "is full; reading waits until it is replayed or dead_letter.max_size raised"
		}
		if l.notices.tell(health.Condition{Part: health.DeadLetter, Reason: reason, Lasting: true}) {
			l.notices.log.Error().Err(err).Msg("dead letter " + reason)
		}
		if err := peer.Sleep(ctx, time.Second); err != nil {
			return fmt.Errorf("write dead letters: %w", err)
		}
	}
}
