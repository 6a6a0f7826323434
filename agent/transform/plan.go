package transform

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/decode"
	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/mask"
)

// Options are what a Plan needs beside the configuration.
type Options struct {
	// StateKey is the secret of the state directory. It names records without an
	// id, unless the configuration has an id_key.
	StateKey []byte
	// Version is the agent's, for the documents.
	Version string
	// Log is told of records on which the agent itself fails.
	Log zerolog.Logger
	// EventNames are the display names of event types by gateway, for gateways
	// of which no input learns them.
	EventNames map[string]*apisource.EventNames
}

// Plan is how the records of a configuration's inputs are transformed, and what the
// inputs share. It may be used by many goroutines.
type Plan struct {
	config     *config.Config
	version    string
	log        zerolog.Logger
	rules      *mask.Rules
	hits       *mask.Tally
	idKey      []byte
	hashKey    []byte // of what letters do not hold
	names      *ecs.Names
	eventNames map[string]*apisource.EventNames // by gateway
}

// NewPlan reads the masking rules and the id key.
func NewPlan(cfg *config.Config, o Options) (*Plan, error) {
	rules, err := mask.Load(cfg.Masking.Rules, mask.Options{NoDefaults: cfg.Masking.Defaults == "off"})
	if err != nil {
		return nil, err
	}
	p := &Plan{
		config: cfg, version: o.Version, log: o.Log, rules: rules, hits: rules.NewTally(), idKey: o.StateKey, hashKey: o.StateKey,
		names: ecs.NewNames(0), eventNames: eventNames(cfg.Inputs),
	}
	maps.Copy(p.eventNames, o.EventNames)
	if !cfg.IDKey.IsZero() {
		text, err := cfg.IDKey.Reveal()
		if err != nil {
			return nil, fmt.Errorf("id_key: %w", err)
		}
		p.idKey = []byte(text)
	}
	return p, nil
}

// eventNames makes one memory of display names for each gateway of which an input
// learns them; all of its inputs share it.
func eventNames(inputs []config.Input) map[string]*apisource.EventNames {
	names := map[string]*apisource.EventNames{}
	for _, in := range inputs {
		if in.LearnsNames() && names[in.Gateway] == nil {
			names[in.Gateway] = apisource.NewEventNames()
		}
	}
	return names
}

// EventNames are the display names of a gateway's event types, nil where nobody
// learns them.
func (p *Plan) EventNames(gateway string) *apisource.EventNames { return p.eventNames[gateway] }

// Rules are the names of the masking rules. Changed takes their index.
func (p *Plan) Rules() []string { return p.rules.Names() }

// Changed is how many values the masking rule with this index changed or dropped.
func (p *Plan) Changed(rule int) int64 { return int64(p.hits.Of(rule)) }

// Steady are the document's fields that never differ between two readings of one
// record: neither does the gateway change them later, nor do the rules of an input.
func (p *Plan) Steady(in config.Input) ([]string, error) {
	decoder, err := decode.New(decode.Options{Rename: in.Rename})
	if err != nil {
		return nil, err
	}
	rules := p.rules.Through(decoder.Places())
	var fields []string
	for _, f := range event.Fields() {
		if f.Later || slices.ContainsFunc(decoder.Paths(f.Name), rules.MasksField) {
			continue
		}
		fields = append(fields, f.Compared...)
	}
	slices.Sort(fields)
	return slices.Compact(fields), nil
}

// ConflictID is the _id of a record whose id another one has: of what it says.
func (p *Plan) ConflictID(gateway, said string) event.ID {
	return ecs.NewIdentity(p.idKey).OfRaw(gateway, []byte("conflict\x00"+said)).Finish(0)
}

// Transformers returns what makes a new Transformer for each goroutine that
// transforms records of an input.
func (p *Plan) Transformers(in config.Input) (func() *Transformer, error) {
	options := decode.Options{Rename: in.Rename, Known: true, Location: in.Location()}
	decoder, err := decode.New(options)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // agent.name is optional
	documents := ecs.Config{
		Namespace: p.config.Elasticsearch.Namespace, AgentName: host, AgentVersion: p.version,
		Tags: in.Tags, Location: p.config.Location(), KeepOriginal: p.config.KeepOriginal, Names: p.names,
	}
	if names := p.eventNames[in.Gateway]; names != nil {
		documents.EventNames = names.Name
	}
	rules := p.rules.Through(decoder.Places())
	masksID := slices.ContainsFunc(decoder.IDPaths(), rules.MasksField)
	return func() *Transformer {
		return &Transformer{
			log: p.log, hashKey: p.hashKey, rules: rules, masker: rules.NewMasker(), tally: p.hits, decoder: decoder.Clone(),
			builder: ecs.NewBuilder(documents), identity: ecs.NewIdentity(p.idKey),
			observer: p.config.ObserverName(in), masksID: masksID, splits: in.HoldsAnswers(), now: time.Now,
		}
	}, nil
}
