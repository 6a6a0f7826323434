package kibana

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// facets are the things that an object of ours says, by name: what a person
// would see changed. Left out is what Kibana rewrites on its own (defaults,
// migrations of the form, popularity of fields) and what belongs to each user
// (widths of columns, further tags).
type facets map[string]any

// idMap names objects by their id in the bundle: the ids that Kibana gave to
// copies in another space, by type and id.
type idMap map[Reference]string

func (m idMap) of(typ, id string) string {
	if ours, ok := m[Reference{Type: typ, ID: id}]; ok {
		return ours
	}
	return id
}

// fingerprint is a hash of all facets, to recognise an object in the form of an
// earlier release.
func (f facets) fingerprint() (string, error) {
	text, err := json.Marshal(f) // with sorted keys
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// lookOf is a hash of what each user may arrange without changing what an object
// shows: widths, the height of rows, colours, legends.
func lookOf(o Object) string {
	type session struct{ Grid, RowHeight any }
	var a struct {
		session
		Tabs  []struct{ Attributes session }
		State struct{ Visualization any }
	}
	if decode(o.Attributes, &a) != nil { // facetsOf has said so
		return ""
	}
	if len(a.Tabs) > 0 {
		a.session = a.Tabs[0].Attributes
	}
	text, err := json.Marshal([]any{a.session, a.State.Visualization})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// differs names the facets in which two objects are not alike, sorted.
func (f facets) differs(other facets) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		a, errA := json.Marshal(f[name])
		b, errB := json.Marshal(other[name])
		if errA != nil || errB != nil || string(a) != string(b) {
			names = append(names, name)
		}
	}
	return names
}

// facetsOf reads an object as shipped or as Kibana exports it, migrated to the
// form of its own version.
func facetsOf(o Object, ids idMap) (facets, error) {
	read, ok := map[string]func(Object, idMap) (facets, error){
		"tag":           tagFacets,
		"index-pattern": dataViewFacets,
		"search":        searchFacets,
		"lens":          lensFacets,
		"dashboard":     dashboardFacets,
	}[o.Type]
	if !ok {
		return nil, fmt.Errorf("%s %s: not a type of this package", o.Type, o.ID)
	}
	f, err := read(o, ids)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", o.Type, o.ID, err)
	}
	return f, nil
}

func tagFacets(o Object, _ idMap) (facets, error) {
	var a struct{ Name, Description, Color string }
	if err := decode(o.Attributes, &a); err != nil {
		return nil, err
	}
	return facets{"title": a.Name, "description": a.Description, "color": strings.ToLower(a.Color)}, nil
}

func dataViewFacets(o Object, _ idMap) (facets, error) {
	var a struct {
		Title, Name, TimeFieldName                                 string
		AllowNoIndex                                               bool
		FieldAttrs, FieldFormatMap, RuntimeFieldMap, SourceFilters jsonText
	}
	if err := decode(o.Attributes, &a); err != nil {
		return nil, err
	}
	var attrs map[string]struct {
		CustomLabel string `json:"customLabel"`
	}
	var formats, runtime map[string]any
	var hidden []any
	for _, part := range []struct {
		text jsonText
		out  any
	}{
		{a.FieldAttrs, &attrs}, {a.FieldFormatMap, &formats}, {a.RuntimeFieldMap, &runtime}, {a.SourceFilters, &hidden},
	} {
		if err := part.text.decode(part.out); err != nil {
			return nil, err
		}
	}
	labels := map[string]string{}
	for field, attr := range attrs {
		if attr.CustomLabel != "" {
			labels[field] = attr.CustomLabel
		}
	}
	return facets{
		"title": a.Name, "pattern": a.Title, "time field": a.TimeFieldName, "allowNoIndex": a.AllowNoIndex,
		"labels": labels, "formats": orEmpty(formats), "runtime fields": orEmpty(runtime), "hidden fields": len(hidden),
	}, nil
}

// discoverSession is what a saved search holds, at its top or, since Kibana 9,
// in its first tab.
type discoverSession struct {
	Columns     []string
	Sort        any
	TimeRestore bool
	TimeRange   any
	Meta        struct{ SearchSourceJSON jsonText } `json:"kibanaSavedObjectMeta"`
}

func searchFacets(o Object, ids idMap) (facets, error) {
	var a struct {
		Title, Description string
		discoverSession
		Tabs []struct{ Attributes discoverSession }
	}
	if err := decode(o.Attributes, &a); err != nil {
		return nil, err
	}
	session := a.discoverSession
	if len(a.Tabs) > 0 {
		session = a.Tabs[0].Attributes
	}
	f, err := sourceFacets(session.Meta.SearchSourceJSON)
	if err != nil {
		return nil, err
	}
	f["title"], f["description"] = a.Title, a.Description
	f["columns"], f["sort"] = session.Columns, session.Sort
	f["time range"] = map[string]any{"stored": session.TimeRestore, "range": session.TimeRange}
	f["tabs"] = max(1, len(a.Tabs))
	f["data view"] = targets(o, ids, "index-pattern", "kibanaSavedObjectMeta.searchSourceJSON.index")
	return f, nil
}

// sourceFacets reads a searchSourceJSON.
func sourceFacets(text jsonText) (facets, error) {
	var source struct {
		Query  struct{ Query any }
		Filter []map[string]any
	}
	if err := text.decode(&source); err != nil {
		return nil, err
	}
	return facets{"query": source.Query.Query, "filters": filters(source.Filter)}, nil
}

// filters reduces the pills to what they do; the rest of meta is for display
// and written anew by Kibana.
func filters(pills []map[string]any) []any {
	short := []any{}
	for _, pill := range pills {
		f := map[string]any{}
		for key, v := range pill {
			if key != "meta" && key != "$state" {
				f[key] = v
			}
		}
		meta, _ := pill["meta"].(map[string]any)
		for _, key := range []string{"negate", "disabled", "alias"} {
			if v := meta[key]; v != nil && v != false && v != "" {
				f[key] = v
			}
		}
		if meta["type"] == "combined" { // the only kind that has its query in meta
			f["params"], f["relation"] = meta["params"], meta["relation"]
		}
		short = append(short, f)
	}
	return short
}

func lensFacets(o Object, ids idMap) (facets, error) {
	type column struct {
		Label, OperationType, SourceField string
		Filter                            struct{ Query string }
		Params                            struct {
			Size     int
			Interval string
		}
	}
	var a struct {
		Title, Description, VisualizationType string
		State                                 struct {
			DatasourceStates struct {
				FormBased struct {
					Layers map[string]struct {
						ColumnOrder []string
						Columns     map[string]column
					}
				}
			}
			Visualization struct {
				Shape, PreferredSeriesType string
				Layers                     []struct{ SeriesType string }
			}
			Query   struct{ Query any }
			Filters []map[string]any
		}
	}
	if err := decode(o.Attributes, &a); err != nil {
		return nil, err
	}
	layers := map[string][]column{}
	for id, layer := range a.State.DatasourceStates.FormBased.Layers {
		for _, c := range layer.ColumnOrder {
			layers[id] = append(layers[id], layer.Columns[c])
		}
	}
	return facets{
		"title": a.Title, "description": a.Description,
		"chart":   []any{a.VisualizationType, a.State.Visualization},
		"columns": layers, "query": a.State.Query.Query, "filters": filters(a.State.Filters),
		"data view": targets(o, ids, "index-pattern", "indexpattern-datasource-layer-"),
	}, nil
}

func dashboardFacets(o Object, ids idMap) (facets, error) {
	var a struct {
		Title, Description string
		PanelsJSON         jsonText
		TimeRestore        bool
		TimeFrom, TimeTo   string
		ControlGroupInput  struct{ PanelsJSON jsonText }
		Meta               struct{ SearchSourceJSON jsonText } `json:"kibanaSavedObjectMeta"`
	}
	if err := decode(o.Attributes, &a); err != nil {
		return nil, err
	}
	f, err := sourceFacets(a.Meta.SearchSourceJSON)
	if err != nil {
		return nil, err
	}
	f["title"], f["description"] = a.Title, a.Description
	f["time range"] = []any{a.TimeRestore, a.TimeFrom, a.TimeTo}
	if f["panels"], err = panelFacets(a.PanelsJSON, o, ids); err != nil {
		return nil, err
	}
	f["controls"], err = controlFacets(a.ControlGroupInput.PanelsJSON, o, ids)
	return f, err
}

// panelFacets lists the panels from top to bottom.
func panelFacets(text jsonText, o Object, ids idMap) (any, error) {
	type grid struct{ X, Y, W, H int }
	var panels []struct {
		// Title: Kibana moves it here from embeddableConfig when it saves.
		Type, Title, PanelIndex, PanelRefName string
		GridData                              grid
		EmbeddableConfig                      struct {
			Title    string
			SavedVis struct{ Params struct{ Markdown string } }
		}
	}
	if err := text.decode(&panels); err != nil {
		return nil, err
	}
	type panel struct {
		Grid        grid
		Type, Title string
		Shows       []string
		Text        string `json:",omitempty"` // of a panel that is one
	}
	list := make([]panel, 0, len(panels))
	for _, p := range panels {
		list = append(list, panel{p.GridData, p.Type, cmp.Or(p.EmbeddableConfig.Title, p.Title), targets(o, ids, p.Type, p.PanelIndex+":"+p.PanelRefName), p.EmbeddableConfig.SavedVis.Params.Markdown})
	}
	slices.SortStableFunc(list, func(a, b panel) int {
		return cmp.Or(cmp.Compare(a.Grid.Y, b.Grid.Y), cmp.Compare(a.Grid.X, b.Grid.X))
	})
	return list, nil
}

// controlFacets lists the controls from left to right.
func controlFacets(text jsonText, o Object, ids idMap) (any, error) {
	var controls map[string]struct {
		Type          string
		Order         int
		ExplicitInput struct{ FieldName, Title string }
	}
	if err := text.decode(&controls); err != nil {
		return nil, err
	}
	type control struct {
		Order              int
		Type, Field, Title string
		DataView           []string
	}
	list := make([]control, 0, len(controls))
	for id, c := range controls {
		list = append(list, control{c.Order, c.Type, c.ExplicitInput.FieldName, c.ExplicitInput.Title, targets(o, ids, "index-pattern", "controlGroup_"+id+":")})
	}
	slices.SortStableFunc(list, func(a, b control) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Field, b.Field))
	})
	return list, nil
}

// targets lists what an object refers to under names that begin with prefix,
// by the ids of the bundle.
func targets(o Object, ids idMap, typ, prefix string) []string {
	found := []string{}
	for _, r := range o.References {
		if r.Type == typ && strings.HasPrefix(r.Name, prefix) {
			found = append(found, ids.of(r.Type, r.ID))
		}
	}
	slices.Sort(found)
	return found
}

// jsonText is an attribute that Kibana stores as a string of JSON.
type jsonText string

// decode reads the text; an empty one leaves out as it is.
func (t jsonText) decode(out any) error {
	if t == "" {
		return nil
	}
	return decode([]byte(t), out)
}

func decode(text []byte, out any) error {
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("not in a form that is known here: %w", err)
	}
	return nil
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
