package mask

import (
	"maps"
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
)

// Through gives the same rules for an input that has the record's fields under
// other names: places lists for each field, by its dotted name in the record,
// the dotted paths where the input may have it. What rules say of the field by
// its path, by its name or in a condition they say there too; so do the limits
// on what may be changed and how a text is read. A dotted path stands for
// objects within each other and for one member of that name.
//
// Both count the same rules, so their maskers can report to one Tally.
func (r *Rules) Through(places map[string][]string) *Rules {
	out := *r
	out.held = maps.Clone(r.holds())
	var aliases []paths.Alias
	patterns := slices.Clone(r.patterns)
	for _, field := range slices.Sorted(maps.Keys(places)) {
		of := paths.Keys(strings.Split(field, ".")...)
		for _, place := range places[field] {
			out.held[place] = out.held[field]
		}
		for _, at := range elsewhere(field, places[field]) {
			path := paths.Keys(at...)
			aliases = append(aliases, paths.Alias{At: path, Of: of})
			patterns = append(patterns, r.byFieldName(of, path)...)
		}
	}
	out.set = r.set.Through(func(field string) [][]string { return elsewhere(field, places[field]) })
	out.graph = paths.NewGraph(patterns, out.set, aliases...)
	return &out
}

// elsewhere lists where an input may have a field, other than under its name.
func elsewhere(field string, places []string) (out [][]string) {
	for _, place := range places {
		split := strings.Split(place, ".")
		if place != field {
			out = append(out, split)
		}
		if len(split) > 1 {
			out = append(out, []string{place})
		}
	}
	return out
}

// byFieldName makes path rules of those that select a field by its name, which
// the input does not have.
func (r *Rules) byFieldName(field, at paths.Path) (out []paths.Pattern) {
	n := paths.NewPlaces(r.graph)
	node := paths.Start
	for _, key := range field.Texts() {
		node = n.Step(node, n.Class([]byte(key)))
	}
	if n.Flags(node)&(paths.Protected|paths.Allowed) != 0 {
		return nil
	}
	last, _ := field.Last()
	for _, h := range r.nameHits(names.Words(last)) {
		if r.set.Of(h.Rule).WorksIn(n.Zones(node)) {
			out = append(out, paths.Pattern{Path: at, Meaning: paths.Selects, Rule: h.Rule, Exact: true})
		}
	}
	return out
}
