package transform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource"
	"github.com/auditship/auditship/agent/filesource/find"
	"github.com/auditship/auditship/exporter/deadletter"
)

// Restorer finishes dead letters of records that were too large to be read: it
// reads them again from their files, under the present max_record, and takes
// them the way that any record takes. It belongs to one goroutine.
type Restorer struct {
	inputs map[event.InputID]*restoredInput
	key    []byte // of the hashes in letters; nil: nothing was read with this state yet
}

type restoredInput struct {
	config.FileInput
	transformer *Transformer
}

// NewRestorer makes a Restorer for the file inputs of a configuration. It does
// not lock the state directory, so an agent may be running.
func NewRestorer(cfg *config.Config, version string) (*Restorer, error) {
	key, err := checkpoint.ReadKey(cfg.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Restorer{}, nil
	}
	if err != nil {
		return nil, err
	}
	plan, err := NewPlan(cfg, Options{StateKey: key, Version: version})
	if err != nil {
		return nil, err
	}
	r := &Restorer{inputs: map[event.InputID]*restoredInput{}, key: key}
	for _, in := range cfg.Inputs {
		if in.File == nil {
			continue
		}
		transformers, err := plan.Transformers(in)
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", in.ID, err)
		}
		r.inputs[in.ID] = &restoredInput{*in.File, transformers()}
	}
	return r, nil
}

// Restore returns the letter with its document, or as it is where the record is
// not to be found, has changed, is still too large or can become no document.
func (r *Restorer) Restore(ctx context.Context, l deadletter.Letter) (deadletter.Letter, error) {
	in := r.inputs[event.InputID(l.Input)]
	if event.Reason(l.Reason) != event.ReasonTooLarge || in == nil || l.Hash == "" || l.Length > int64(in.MaxRecord) || l.Length <= 0 {
		return l, nil
	}
	stretch := filesource.Stretch{Path: l.Path, Offset: l.Offset, Length: l.Length, Hash: l.Hash}
	raw, err := filesource.Reread(ctx, stretch, find.Config{
		Paths: in.Paths, Exclude: in.Exclude, FollowSymlinks: in.FollowSymlinks, Roots: in.SymlinkRoots,
	}, r.key)
	if err != nil || raw == nil {
		return l, err
	}
	return in.finish(l, raw), nil
}

// finish makes the document. The letter keeps its reason and its place.
func (in *restoredInput) finish(l deadletter.Letter, raw []byte) deadletter.Letter {
	made := Result{Batch: event.Batch{Input: event.InputID(l.Input), Gateway: l.Gateway, Path: l.Path, Doubtful: true}}
	in.transformer.one(&made, event.Raw{Bytes: raw, Offset: l.Offset}, in.transformer.now())
	if len(made.Documents) != 1 || len(made.Letters) > 0 {
		return l
	}
	made.identifyFirst() // of equal ones that are too large the first
	l.ID, l.Document = string(made.Documents[0].ID[:]), made.Documents[0].Source
	return l
}
