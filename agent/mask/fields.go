package mask

import (
	"slices"
	"strings"
)

// fieldKind says what a field of the gateway's record can hold, as far as
// detectors are concerned.
type fieldKind byte

const (
	freeText  fieldKind = iota // anything
	namedText                  // a name a person chose, or an address
	closed                     // a word, number or address of a fixed form
)

// fieldKinds lists the fields that are no free text.
var fieldKinds = map[string]fieldKind{
	"event_type": closed, "source": closed, "ip_address": closed, "resource_type": closed, "event_time": closed,
	"http_request.method": closed, "http_response.status_code": closed,
	"token_name": namedText, "resource_name": namedText, "resource_id": namedText, "operator.username": namedText,
	"operator.first_name": namedText, "operator.last_name": namedText, "operator.email": namedText,
}

// personal are the detectors that can find something in a name. Nobody is named
// like a key or a card.
var personal = []detector{detectEmail, detectPhone, detectIBAN, detectIP}

// MasksField says whether a rule may change a field of the gateway's record,
// given by its dotted name, such as operator.email: a rule that names it or
// something in or around it, a key name, or a detector that can find something
// there. Who compares records from two places leaves such fields out.
func (r *Rules) MasksField(path string) bool {
	n := newNodes(r)
	place := startNode
	last := ""
	for part := range strings.SplitSeq(path, ".") {
		last = part
		place = n.step(place, n.classOf([]byte(part)))
		if len(n.list[place].rules) > 0 {
			return true
		}
	}
	switch {
	case n.flags[place]&nodeProtected != 0:
		return false
	case n.flags[place]&nodeAllowed != 0:
		return false
	case r.namedIn(last, n.list[place].zones), r.reaches(n, place):
		return true
	}
	return r.detectsIn(fieldKinds[path], n.list[place].zones)
}

// namedIn says whether a rule selects the key by its name there.
func (r *Rules) namedIn(key string, zones uint64) bool {
	return slices.ContainsFunc(r.nameHits(words(r.named(key))), func(h nameHit) bool { return r.worksIn(h.rule, zones) })
}

func (r *Rules) worksIn(rule int32, zones uint64) bool {
	zone := r.rules[rule].zone
	return zone == 0 || zone&zones != 0
}

// reaches says whether a rule without ** selects something below a place.
func (r *Rules) reaches(n *nodes, place int32) bool {
	for state := range n.list[place].states.all() {
		p := &r.graph.patterns[r.graph.owner[state]]
		if p.accept == acceptRule && p.segs[0].kind != segDeep {
			return true
		}
	}
	return false
}

// detectsIn says whether a detector or an expression can find something in a
// field of a kind.
func (r *Rules) detectsIn(kind fieldKind, zones uint64) bool {
	if kind == closed {
		return false
	}
	for d, rules := range r.detectors {
		if kind == namedText && !slices.Contains(personal, detector(d)) {
			continue
		}
		if slices.ContainsFunc(rules, func(rule int32) bool { return r.worksIn(rule, zones) }) {
			return true
		}
	}
	return slices.ContainsFunc(r.matchers, func(m matcher) bool { return r.worksIn(m.rule, zones) })
}
