package mask

import (
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
)

// heldBy is what the gateway's fields hold, by name.
var heldBy = func() map[string]event.Text {
	found := map[string]event.Text{}
	for _, f := range event.Fields() {
		for _, name := range f.Names() {
			found[name] = f.Text
		}
	}
	return found
}()

// MasksField says whether a rule may change a field of the gateway's record,
// given by its dotted name, such as operator.email: a rule that names it or
// something in or around it, a key name, or a detector that can find something
// there. Who compares records from two places leaves such fields out.
func (r *Rules) MasksField(path string) bool {
	n := paths.NewPlaces(r.graph)
	place := paths.Start
	last := ""
	for part := range strings.SplitSeq(path, ".") {
		last = part
		place = n.Step(place, n.Class([]byte(part)))
		if len(n.Rules(place)) > 0 {
			return true
		}
	}
	switch {
	case n.Flags(place)&(paths.Protected|paths.Allowed) != 0:
		return false
	case r.namedIn(last, n.Zones(place)), n.Reaches(place):
		return true
	}
	return r.detectsIn(r.holds()[path], n.Zones(place))
}

// holds is what the fields hold, by the names that the input has for them.
func (r *Rules) holds() map[string]event.Text {
	if r.held == nil {
		return heldBy
	}
	return r.held
}

// namedIn says whether a rule selects the key by its name there.
func (r *Rules) namedIn(key string, zones rule.Zones) bool {
	return slices.ContainsFunc(r.nameHits(names.Words(r.readable(key))), func(h names.Hit) bool { return r.set.Of(h.Rule).WorksIn(zones) })
}

// detectsIn says whether a detector or an expression can find something in a
// field that holds such text.
func (r *Rules) detectsIn(text event.Text, zones rule.Zones) bool {
	if text == event.ClosedSet {
		return false
	}
	works := func(id rule.ID) bool { return r.set.Of(id).WorksIn(zones) }
	for d, ids := range r.detectors {
		if (text != event.NamedText || detect.Personal(detect.ID(d))) && slices.ContainsFunc(ids, works) {
			return true
		}
	}
	return slices.ContainsFunc(r.matchers, func(m matcher) bool { return works(m.rule) })
}
