package mask

import (
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
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
	return r.detectsIn(fieldKinds[path], n.Zones(place))
}

// namedIn says whether a rule selects the key by its name there.
func (r *Rules) namedIn(key string, zones rule.Zones) bool {
	return slices.ContainsFunc(r.nameHits(names.Words(r.readable(key))), func(h names.Hit) bool { return r.set.Of(h.Rule).WorksIn(zones) })
}

// detectsIn says whether a detector or an expression can find something in a
// field of a kind.
func (r *Rules) detectsIn(kind fieldKind, zones rule.Zones) bool {
	if kind == closed {
		return false
	}
	works := func(id rule.ID) bool { return r.set.Of(id).WorksIn(zones) }
	for d, ids := range r.detectors {
		if (kind != namedText || detect.Personal(detect.ID(d))) && slices.ContainsFunc(ids, works) {
			return true
		}
	}
	return slices.ContainsFunc(r.matchers, func(m matcher) bool { return works(m.rule) })
}
