package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/auditship/auditship/exporter/durable"
)

// ErrBusy says that another replay of the same folder is under way.
var ErrBusy = errors.New("another replay of these dead letters is under way")

// replayAtOnce is the size of the documents that are handed over together.
const replayAtOnce = 4 << 20

// Replayer says what a replay does with letters.
type Replayer struct {
	// Send delivers letters, all of them Finished, and calls taken for each
	// that has its place in Elasticsearch now, be it as a duplicate. What is
	// not taken stays as it is. An error ends the replay; what was taken
	// before it is removed all the same.
	Send func(ctx context.Context, letters []Letter, taken func(i int)) error
	// Restore finishes a letter that has no document, for example by reading
	// its record again. It returns the letter as it is if that cannot be done.
	// Default: all of them stay.
	Restore func(ctx context.Context, l Letter) (Letter, error)
}

// Replayed counts what became of letters.
type Replayed struct {
	Read    int // letters that were looked at
	Sent    int // handed to Send
	Taken   int // and removed
	Damaged int // lines that are no letter; they stay
}

// Left is how many letters stay.
func (r Replayed) Left() int { return r.Read - r.Taken }

// Replay sends the letters that were there when it began and removes those that
// are taken. It may be interrupted at any time, and an agent may append
// meanwhile. It returns ErrBusy if another replay is under way.
func (b *Box) Replay(ctx context.Context, how Replayer) (Replayed, error) {
	var count Replayed
	unlock, err := b.tryLock(replayLockName)
	if err != nil {
		return count, err
	}
	if unlock == nil {
		return count, ErrBusy
	}
	names, err := b.closeForReplay(ctx)
	for _, name := range names {
		if err = b.replayFile(ctx, name, how, &count); err != nil {
			break
		}
	}
	return count, errors.Join(err, unlock())
}

// closeForReplay closes the file that is added to and lists all that are
// closed. What a replay that died left half written is removed.
func (b *Box) closeForReplay(ctx context.Context) (names []string, err error) {
	err = b.locked(ctx, func() error {
		if err := b.closeLetters(); err != nil {
			return fmt.Errorf("close the dead letter: %w", err)
		}
		if names, err = b.files.closed(); err != nil {
			return err
		}
		for _, name := range names {
			if err := b.files.folder.Sweep(name); err != nil {
				return err
			}
		}
		return nil
	})
	return names, err
}

// replayFile sends the letters of one closed file and takes out what was taken,
// also when it ends early.
func (b *Box) replayFile(ctx context.Context, name string, how Replayer, count *Replayed) error {
	f, err := b.files.folder.OpenFile(name, os.O_RDWR) // to be told now if it is not ours
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	p := &pass{how: how, count: count}
	err = p.run(ctx, f)
	if len(p.taken) > 0 {
		err = errors.Join(err, shorten(b.files.folder, name, f, p.taken))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("replay %s: %w", name, err)
	}
	return nil
}

// pass is one way through a file.
type pass struct {
	how   Replayer
	count *Replayed
	taken []stretch // what is to be removed, in order
	// The letters to be sent next, and where they are.
	letters []Letter
	places  []stretch
	size    int
}

func (p *pass) run(ctx context.Context, f io.Reader) error {
	for l := newLines(f); ; {
		line, where, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return p.send(ctx)
		case errors.Is(err, errTorn):
			p.count.Damaged++
			return p.send(ctx)
		case err != nil:
			return err
		}
		if err := p.add(ctx, line, where); err != nil {
			return err
		}
	}
}

// add puts a line's letter into the next batch, if it can be sent.
func (p *pass) add(ctx context.Context, line []byte, where stretch) error {
	letter, err := parseLetter(line)
	if err != nil {
		p.count.Damaged++
		return nil
	}
	p.count.Read++
	if !letter.Finished() && p.how.Restore != nil {
		if letter, err = p.how.Restore(ctx, letter); err != nil {
			return err
		}
	}
	if !letter.Finished() {
		return nil
	}
	p.letters, p.places = append(p.letters, letter), append(p.places, where)
	if p.size += len(letter.Document); p.size < replayAtOnce {
		return nil
	}
	return p.send(ctx)
}

// send hands over the batch.
func (p *pass) send(ctx context.Context) error {
	if len(p.letters) == 0 {
		return ctx.Err()
	}
	taken := make([]bool, len(p.letters))
	p.count.Sent += len(p.letters)
	err := p.how.Send(ctx, p.letters, func(i int) { taken[i] = true })
	for i, yes := range taken {
		if yes {
			p.count.Taken++
			p.taken = append(p.taken, p.places[i])
		}
	}
	p.letters, p.places, p.size = nil, nil, 0
	return err
}

// shorten puts a file without the taken stretches in the place of f, or removes
// it when nothing is left. The old file stays whole until then.
func shorten(d *durable.Folder, name string, f *os.File, taken []stretch) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	var sum int64
	for _, s := range taken {
		sum += s.length
	}
	if sum == size {
		return d.Remove(name)
	}
	short, err := d.Create(name)
	if err != nil {
		return err
	}
	if err = copyBut(short, f, size, taken); err == nil {
		err = short.Commit()
	}
	return errors.Join(err, short.Abort())
}

// copyBut copies all but the taken stretches.
func copyBut(w io.Writer, f io.ReaderAt, size int64, taken []stretch) error {
	at := int64(0)
	for _, s := range append(taken, stretch{at: size}) {
		if _, err := io.Copy(w, io.NewSectionReader(f, at, s.at-at)); err != nil {
			return err
		}
		at = s.at + s.length
	}
	return nil
}
