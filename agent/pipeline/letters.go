package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/auditship/auditship/agent/event"
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
func (l *letters) open(folder, file string, o deadletter.Options, beside bool) (err error) {
	path, open, read := folder, deadletter.Open, deadletter.Read
	if file != "" {
		path, open, read = file, deadletter.OpenFile, deadletter.ReadFile
	}
	if l.box, err = open(path, o); err != nil || !beside {
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

// room is a *deadletter.FullShareError while the dead letters of an input, or of one of
// its files, have filled their share, nil otherwise.
func (l *letters) room(in event.InputID, path string) error {
	var full *deadletter.FullShareError
	if errors.As(l.box.Room(string(in), path), &full) {
		return full
	}
	return nil // what cannot be counted shows when a letter is written
}

// awaitRoom waits while the dead letters of an input have filled its share of them. Other
// inputs go on.
func (l *letters) awaitRoom(ctx context.Context, in event.InputID) error {
	part := health.InputPart(in)
	for waited := false; ; waited = true {
		full := l.room(in, "")
		if full == nil {
			if waited {
				l.notices.set(part, "")
			}
			return nil
		}
		if l.notices.tell(health.Condition{Part: part, Reason: full.Error(), Lasting: true}) {
			l.notices.log.Warn().Str("input", string(in)).Msg("reading waits: " + full.Error())
		}
		if err := peer.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// bury makes letters durable. When the dead letter is full or its disk fails, it
// waits: nothing is read on until there is room.
func (l *letters) bury(ctx context.Context, written ...deadletter.Letter) error {
	if written = l.known.news(deadletter.Join(written)); len(written) == 0 {
		return nil
	}
	for {
		err := l.box.Append(ctx, written...)
		if err == nil {
			l.notices.set(health.DeadLetter, "")
			for i := range written {
				l.buried.add(written[i].Reason, written[i].Records())
			}
			return nil
		}
		reason := "cannot be written; reading waits"
		if errors.Is(err, deadletter.ErrFull) {
			reason = "is full; reading waits. See with auditship replay why records were rejected, send again what can be sent (auditship replay --send), and move the rest away or raise dead_letter.max_size"
		}
		if l.notices.tell(health.Condition{Part: health.DeadLetter, Reason: reason, Lasting: true}) {
			l.notices.log.Error().Err(err).Msg("dead letter " + reason)
		}
		if err := peer.Sleep(ctx, time.Second); err != nil {
			return fmt.Errorf("write dead letters: %w", err)
		}
	}
}
