package transform

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"slices"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/bulk"
)

// Converter makes of an audit API's records what Run would send of them, for those
// who compare or restore documents. It locks nothing and sends nothing, so an agent
// may be running. It belongs to one goroutine.
type Converter struct {
	// Names takes the display names of event types; the documents have those it
	// knows.
	Names *apisource.EventNames
	// OwnKey says that no agent has made an id key in the state directory yet and
	// none is configured: the _id of records without an id means nothing.
	OwnKey bool

	transformer *Transformer
	input       config.Input
}

// NewConverter makes a Converter for an input of type api. It reads the rules and the
// id key.
func NewConverter(cfg *config.Config, in config.Input, version string) (*Converter, error) {
	c := &Converter{input: in}
	key, err := checkpoint.ReadKey(cfg.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		key, err, c.OwnKey = make([]byte, 32), nil, cfg.IDKey.IsZero()
		_, _ = rand.Read(key) // never fails, says its documentation
	}
	if err != nil {
		return nil, err
	}
	plan, err := NewPlan(cfg, Options{StateKey: key, Version: version})
	if err != nil {
		return nil, err
	}
	transformers, err := plan.Transformers(in)
	if err != nil {
		return nil, err
	}
	c.Names, c.transformer = plan.EventNames(in.Gateway), transformers()
	return c, nil
}

// Converted is what a record becomes.
type Converted struct {
	// Document has the _id of the record in any case; Source is nil where the
	// record becomes no document.
	bulk.Document
	// Rejected is why the record is a dead letter, "" where it is none.
	Rejected event.Reason
	// Dropped says that a rule drops the record.
	Dropped bool
	// Anonymous says that the record has no id of its own.
	Anonymous bool
}

// Convert masks, decodes and documents one record.
func (c *Converter) Convert(r event.Raw) Converted {
	var made Result
	c.transformer.Transform(event.Batch{
		Input: c.input.ID, Gateway: c.input.Gateway, Repeats: true, Records: []event.Raw{r},
	}, &made)
	if len(made.Documents) == 1 {
		made.identifyFirst()
		return Converted{Document: made.Documents[0], Anonymous: made.Anonymous() > 0}
	}
	out := Converted{Dropped: made.Dropped > 0}
	switch {
	case made.Stop != nil:
		out.Rejected = event.ReasonMaskRefused
	case len(made.Letters) > 0:
		out.Rejected = event.Reason(made.Letters[0].Reason)
	}
	id, _ := c.transformer.decoder.FindID(r.Bytes)
	known := false
	if out.ID, known = c.transformer.identity.OfToken(c.input.Gateway, id); !known {
		out.ID, out.Anonymous = c.transformer.identity.OfRaw(c.input.Gateway, r.Bytes).Finish(0), true
	}
	return out
}

// Masks says whether an active rule may change one of these fields of the record,
// given by the gateway's own dotted names.
func (c *Converter) Masks(fields ...string) bool {
	return slices.ContainsFunc(fields, func(name string) bool {
		return slices.ContainsFunc(c.transformer.decoder.Paths(name), c.transformer.rules.MasksField)
	})
}
