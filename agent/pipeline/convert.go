package pipeline

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"slices"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/mask"
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

	rules     *mask.Rules
	transform *transformer
	input     config.Input
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
	common, err := newShared(cfg, key)
	if err != nil {
		return nil, err
	}
	transform, err := newTransform(cfg, in, version, common)
	if err != nil {
		return nil, err
	}
	c.rules, c.Names, c.transform = common.rules, common.eventNames[in.Gateway], transform()
	return c, nil
}

// Converted is what a record becomes.
type Converted struct {
	// Document has the _id of the record in any case; Source is nil where the
	// record becomes no document.
	bulk.Document
	// Rejected is why the record is a dead letter, "" where it is none.
	Rejected string
	// Dropped says that a rule drops the record.
	Dropped bool
	// Anonymous says that the record has no id of its own.
	Anonymous bool
}

// Convert masks, decodes and documents one record.
func (c *Converter) Convert(r event.Raw) Converted {
	s := c.transform.transform(event.Batch{
		Input: c.input.ID, Gateway: c.input.Gateway, Repeats: true, Records: []event.Raw{r},
	})
	if len(s.documents) == 1 {
		for _, a := range s.anonymous {
			s.documents[0].ID = a.base.Finish(0)
		}
		return Converted{Document: s.documents[0], Anonymous: len(s.anonymous) > 0}
	}
	out := Converted{Dropped: s.dropped > 0}
	switch {
	case s.stop != nil:
		out.Rejected = event.ReasonMaskRefused
	case len(s.letters) > 0:
		out.Rejected = s.letters[0].Reason
	}
	id, _ := c.transform.decoder.FindID(r.Bytes)
	known := false
	if out.ID, known = c.transform.identity.OfToken(c.input.Gateway, id); !known {
		out.ID, out.Anonymous = c.transform.identity.OfRaw(c.input.Gateway, r.Bytes).Finish(0), true
	}
	return out
}

// Masks says whether an active rule may change one of these fields of the record,
// given by the gateway's own dotted names.
func (c *Converter) Masks(fields ...string) bool {
	return slices.ContainsFunc(fields, func(name string) bool {
		return slices.ContainsFunc(c.transform.decoder.Paths(name), c.rules.MasksField)
	})
}
