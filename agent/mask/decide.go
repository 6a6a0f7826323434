package mask

import (
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/shape"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// verdict is what is known about the condition of a rule for the record at
// hand.
type verdict byte

const (
	notAsked verdict = iota
	isMet
	isNotMet
)

// holds says whether a rule's condition is met by the record at hand.
func (m *Masker) holds(id rule.ID) bool {
	when := m.rules.set.Of(id).When
	if when == nil {
		return true
	}
	if m.met[id] == notAsked {
		m.met[id] = isNotMet
		if when.Holds(m.record) {
			m.met[id] = isMet
		}
	}
	return m.met[id] == isMet
}

// decide picks the rule for a value, or None.
func (m *Masker) decide(node paths.Node, force rule.ID, key *keyInfo, kind jsonscan.Kind) rule.ID {
	flags := m.places.Flags(node)
	best := force
	if flags&paths.Inert == 0 {
		if flags&paths.Allowed != 0 && kind.IsScalar() {
			return rule.None
		}
		for _, id := range m.places.Rules(node) {
			if m.holds(id) {
				best = m.rules.set.Stronger(best, id)
			}
		}
		if flags&paths.Protected != 0 && kind.IsScalar() {
			return best
		}
	}
	if key != nil && len(key.hits) > 0 {
		best = m.rules.set.Stronger(best, m.byName(key.hits, m.places.Zones(node), kind))
	}
	return best
}

// byName picks the rule that selects a value by its key's name, or None.
func (m *Masker) byName(hits []names.Hit, zones rule.Zones, kind jsonscan.Kind) rule.ID {
	best := rule.None
	for _, h := range hits {
		r := m.rules.set.Of(h.Rule)
		switch {
		case h.Plural && kind == jsonscan.Number,
			r.KeepObjects && kind == jsonscan.BeginObject,
			!r.WorksIn(zones),
			!m.holds(h.Rule):
			continue
		}
		best = m.rules.set.Stronger(best, h.Rule)
	}
	return best
}

// choose picks the strongest of the rules that work in these zones.
func (m *Masker) choose(ids []rule.ID, zones rule.Zones) rule.ID {
	best := rule.None
	for _, id := range ids {
		if m.rules.set.Of(id).WorksIn(zones) && m.holds(id) {
			best = m.rules.set.Stronger(best, id)
		}
	}
	return best
}

// spares says whether a rule leaves a value alone for what it is.
func (m *Masker) spares(value []byte, node paths.Node, id rule.ID) bool {
	if r := m.rules.set.Of(id); r.KeepWords && names.IsWord(value) || r.ByName && names.IsState(value) {
		return true
	}
	for _, i := range m.places.Exempt(node) {
		if m.rules.allowed[i].covers(value) {
			return true
		}
	}
	return false
}

// exempts says whether a rule leaves the value of a name in a text alone.
func (m *Masker) exempts(value []byte, id rule.ID) bool {
	return m.rules.allows(value) || m.rules.set.Of(id).KeepWords && names.IsWord(value)
}

// drops says whether a rule removes what it selects.
func (m *Masker) drops(id rule.ID) bool {
	return id != rule.None && m.rules.set.Of(id).Action.Kind <= rule.DropField
}

// answer says what the rules say about a name in a text that stands at node.
func (m *Masker) answer(name []byte, node paths.Node) shape.Answer {
	info := m.lookText(name)
	a := shape.Answer{Named: m.byName(info.hits, m.places.Zones(node), jsonscan.String), Lost: info.lost, Role: info.role, About: info.about}
	a.Rule, a.Object = a.Named, a.Named
	if a.Named != rule.None && m.rules.set.Of(a.Named).KeepObjects {
		a.Object = m.byName(info.hits, m.places.Zones(node), jsonscan.BeginObject)
	}
	if info.class != paths.Other {
		at := m.choose(m.places.Rules(m.places.Step(node, info.class)), ^rule.Zones(0))
		a.Rule, a.Object = m.rules.set.Stronger(a.Named, at), m.rules.set.Stronger(a.Object, at)
	}
	return a
}
