package input

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/health"
)

// Source reads one input: files (filesource) or an audit API (apisource).
type Source interface {
	// Run emits batches until ctx ends, or until there is nothing left to read
	// and never will be. saved are the input's positions of earlier runs.
	Run(ctx context.Context, saved []event.Saved, emit func(context.Context, event.Batch) error) error
}

// Surroundings are what an input stands in: the run that it belongs to, and those who
// are told how it is. The zero value is that of a run that nobody watches.
type Surroundings struct {
	StateKey []byte // the secret of the state directory
	// Names are the display names of the gateway's event types; nil where nobody
	// learns them.
	Names *apisource.EventNames

	Once    bool      // read what is there, and stop
	Resumed bool      // an earlier run may have emitted records
	Forget  bool      // positions are forgotten at the end
	Reader  io.Reader // read by a file input instead of its paths
	// FileInputs are how many share what the process may hold open; 0 counts as one.
	FileInputs int

	Log     zerolog.Logger
	Metrics *health.Metrics // nil: nothing is exported
	Inputs  *health.Inputs  // nil: nobody asks
	// Room says why a file's dead letters may not become more, nil if they may; "" is
	// the input as a whole. nil: they may.
	Room func(path string) error
	// Condition is told why the input waits, and "" when it goes on. It reports
	// whether that is news. nil: nobody is told.
	Condition func(reason string) (news bool)
}

// Progress is how far an input was read that has an end.
type Progress struct {
	Done, Size int64 // bytes, compressed ones as they are on disk; a pipe has no size
	Resumed    int64 // of Done, what an interrupted run had read
	Unreadable int64 // files with faults
}

// Built is an input that is ready to be read.
type Built struct {
	Source
	// Progress says how far it was read; nil where that cannot be told.
	Progress func() Progress
	// Hangs says which call to the system does not come back, "" if none; nil where
	// none can hang. It may be called from any goroutine.
	Hangs func() string
	// Waits says that the source asks for Room by itself, for each of its files.
	Waits bool
}

// Finding is one answer of a check against the real thing.
type Finding struct {
	What   string // for a person
	Failed bool
	// Warning is what will go wrong although nothing has failed.
	Warning bool
	// Unreachable says that no trusted answer came at all.
	Unreachable bool
	Advice      string // what to do, in lines; "" for nothing
}

// kind is everything that is particular to one type of input beside its keys in the
// configuration, which are in package config, and the reading itself.
type kind interface {
	build(in config.Input, s Surroundings) (Built, error)
	// check asks whether the input could be read now. saved are its positions.
	check(ctx context.Context, in config.Input, saved []event.Saved) []Finding
	// describe renders a saved position for a person. Its error says that the
	// position is of another type.
	describe(position []byte) (string, error)
}

// kinds are the types of inputs.
var kinds = map[string]kind{
	config.TypeFile: files{},
	config.TypeAPI:  auditAPI{},
}

// Build makes the source of an input and exports its metrics.
func Build(in config.Input, s Surroundings) (Built, error) {
	s.Log = s.Log.With().Str("input", string(in.ID)).Logger()
	if s.Condition == nil {
		s.Condition = func(string) bool { return false }
	}
	return kinds[in.Type].build(in, s)
}

// Check asks whether an input could be read now. saved are its saved positions, where
// there are some.
func Check(ctx context.Context, in config.Input, saved []event.Saved) []Finding {
	return kinds[in.Type].check(ctx, in, saved)
}

// Describe renders a saved position of a stream for a person. The type of the input
// that the stream belongs to says how; where the configuration does not have it any
// more, the type that understands the position.
func Describe(inputs []config.Input, stream event.Stream, position []byte) string {
	for _, in := range inputs {
		if in.ID != stream.Input {
			continue
		}
		if text, err := kinds[in.Type].describe(position); err == nil {
			return text
		}
	}
	for _, k := range kinds {
		if text, err := k.describe(position); err == nil {
			return text
		}
	}
	return string(position)
}

// follow tells the watchers that the input will be looked at in this interval, and
// gives the functions by which its source tells how it is.
func (s Surroundings) follow(input event.InputID, interval time.Duration) (reachedEnd func(), owe func(event.Debt)) {
	if s.Inputs == nil {
		return func() {}, func(event.Debt) {}
	}
	s.Inputs.Follow(input, interval)
	return func() { s.Inputs.ReachedEnd(input) }, func(d event.Debt) {
		d.Input = input
		if !s.Inputs.Owe(d) {
			return
		}
		if d.Ended != "" {
			s.Log.Info().Str("kind", string(d.Kind)).Str("what", d.Key).Str("end", d.Ended).Msg("owed no more")
			return
		}
		s.Log.Warn().Str("kind", string(d.Kind)).Str("what", d.Key).Str("reason", d.Reason).Msg("owed: not everything is delivered")
	}
}

// LearnNames asks for the display names of event types once, at an input whose
// LearnsNames is true.
func LearnNames(ctx context.Context, in config.Input, names *apisource.EventNames) error {
	learner, ok := kinds[in.Type].(interface {
		learnNames(ctx context.Context, in config.Input, names *apisource.EventNames) error
	})
	if !ok {
		return fmt.Errorf("an input of type %s knows no display names", in.Type)
	}
	return learner.learnNames(ctx, in, names)
}
