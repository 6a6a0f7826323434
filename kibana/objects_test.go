package kibana

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The strict types below are what Kibana 8.12 takes: it refuses a search or a
// dashboard with an attribute that it does not know, and its index refuses
// unknown attributes of lens objects and tags. The versions beside them are the
// lowest that every Kibana from 8.12 on migrates from; a higher one would be
// refused by the Kibanas before it, with the whole file.
// Source: server/saved_objects of the plugins in github.com/elastic/kibana.

type storedSource struct {
	Query struct {
		Query    string `json:"query"`
		Language string `json:"language"`
	} `json:"query"`
	Filter       []storedFilter `json:"filter"`
	IndexRefName string         `json:"indexRefName,omitempty"`
}

type storedFilter struct {
	State struct {
		Store string `json:"store"`
	} `json:"$state"`
	Meta struct {
		IndexRefName string          `json:"indexRefName"` // of a search
		Index        string          `json:"index"`        // of a lens object: the name of a reference
		Alias        *string         `json:"alias"`
		Disabled     bool            `json:"disabled"`
		Negate       bool            `json:"negate"`
		Type         string          `json:"type"`
		Key          string          `json:"key"`
		Params       json.RawMessage `json:"params"`
	} `json:"meta"`
	Query map[string]any `json:"query"`
}

type storedMeta struct {
	SearchSourceJSON string `json:"searchSourceJSON"`
}

type storedTag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Color       string `json:"color"`
}

type storedDataView struct {
	Title           string `json:"title"`
	Name            string `json:"name"`
	TimeFieldName   string `json:"timeFieldName"`
	AllowNoIndex    bool   `json:"allowNoIndex"`
	Fields          string `json:"fields"`
	FieldAttrs      string `json:"fieldAttrs"`
	FieldFormatMap  string `json:"fieldFormatMap"`
	SourceFilters   string `json:"sourceFilters"`
	TypeMeta        string `json:"typeMeta"`
	RuntimeFieldMap string `json:"runtimeFieldMap"`
}

type storedSearch struct {
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Columns     []string   `json:"columns"`
	Sort        [][]string `json:"sort"`
	Grid        struct {
		Columns map[string]struct {
			Width int `json:"width"`
		} `json:"columns"`
	} `json:"grid"`
	HideChart   bool   `json:"hideChart"`
	ViewMode    string `json:"viewMode"`
	TimeRestore bool   `json:"timeRestore"`
	TimeRange   struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"timeRange"`
	Meta storedMeta `json:"kibanaSavedObjectMeta"`
}

type lensColumn struct {
	Label         string `json:"label"`
	CustomLabel   bool   `json:"customLabel"`
	DataType      string `json:"dataType"`
	OperationType string `json:"operationType"`
	IsBucketed    bool   `json:"isBucketed"`
	Scale         string `json:"scale"`
	SourceField   string `json:"sourceField"`
	Filter        *struct {
		Query    string `json:"query"`
		Language string `json:"language"`
	} `json:"filter"`
	Params struct {
		EmptyAsNull      *bool  `json:"emptyAsNull"`
		Interval         string `json:"interval"`
		IncludeEmptyRows bool   `json:"includeEmptyRows"`
		DropPartials     bool   `json:"dropPartials"`
		Size             int    `json:"size"`
		OrderBy          struct {
			Type     string `json:"type"`
			ColumnID string `json:"columnId"`
		} `json:"orderBy"`
		OrderDirection string `json:"orderDirection"`
		OtherBucket    bool   `json:"otherBucket"`
		MissingBucket  bool   `json:"missingBucket"`
		ParentFormat   struct {
			ID string `json:"id"`
		} `json:"parentFormat"`
	} `json:"params"`
}

type lensLayer struct {
	ColumnOrder         []string              `json:"columnOrder"`
	Columns             map[string]lensColumn `json:"columns"`
	IncompleteColumns   struct{}              `json:"incompleteColumns"`
	Sampling            int                   `json:"sampling"`
	IgnoreGlobalFilters bool                  `json:"ignoreGlobalFilters"`
}

type storedLens struct {
	Title             string `json:"title"`
	Description       string `json:"description"`
	VisualizationType string `json:"visualizationType"`
	State             struct {
		DatasourceStates struct {
			FormBased struct {
				Layers map[string]lensLayer `json:"layers"`
			} `json:"formBased"`
		} `json:"datasourceStates"`
		Visualization json.RawMessage `json:"visualization"`
		Query         struct {
			Query    string `json:"query"`
			Language string `json:"language"`
		} `json:"query"`
		Filters            []storedFilter `json:"filters"`
		InternalReferences []struct{}     `json:"internalReferences"`
		AdHocDataViews     struct{}       `json:"adHocDataViews"`
	} `json:"state"`
}

// The visualizations, by visualizationType.
type (
	lensXY struct {
		PreferredSeriesType string `json:"preferredSeriesType"`
		Legend              struct {
			IsVisible bool   `json:"isVisible"`
			Position  string `json:"position"`
		} `json:"legend"`
		Layers []struct {
			LayerID       string   `json:"layerId"`
			LayerType     string   `json:"layerType"`
			SeriesType    string   `json:"seriesType"`
			XAccessor     string   `json:"xAccessor"`
			SplitAccessor string   `json:"splitAccessor"`
			Accessors     []string `json:"accessors"`
		} `json:"layers"`
		AxisTitles      perAxis[bool] `json:"axisTitlesVisibilitySettings"`
		TickLabels      perAxis[bool] `json:"tickLabelsVisibilitySettings"`
		Gridlines       perAxis[bool] `json:"gridlinesVisibilitySettings"`
		Labels          perAxis[int]  `json:"labelsOrientation"`
		FittingFunction string        `json:"fittingFunction"`
		ValueLabels     string        `json:"valueLabels"`
	}
	perAxis[T any] struct {
		X      T `json:"x"`
		YLeft  T `json:"yLeft"`
		YRight T `json:"yRight"`
	}
	lensPie struct {
		Shape  string `json:"shape"`
		Layers []struct {
			LayerID         string   `json:"layerId"`
			LayerType       string   `json:"layerType"`
			PrimaryGroups   []string `json:"primaryGroups"`
			Metrics         []string `json:"metrics"`
			NumberDisplay   string   `json:"numberDisplay"`
			CategoryDisplay string   `json:"categoryDisplay"`
			LegendDisplay   string   `json:"legendDisplay"`
			NestedLegend    bool     `json:"nestedLegend"`
		} `json:"layers"`
	}
	lensTable struct {
		LayerID   string `json:"layerId"`
		LayerType string `json:"layerType"`
		Columns   []struct {
			ColumnID string `json:"columnId"`
		} `json:"columns"`
	}
	lensMetric struct {
		LayerID        string `json:"layerId"`
		LayerType      string `json:"layerType"`
		MetricAccessor string `json:"metricAccessor"`
	}
)

type storedDashboard struct {
	Title           string `json:"title"`
	Description     string `json:"description"`
	PanelsJSON      string `json:"panelsJSON"`
	OptionsJSON     string `json:"optionsJSON"`
	TimeRestore     bool   `json:"timeRestore"`
	TimeFrom        string `json:"timeFrom"`
	TimeTo          string `json:"timeTo"`
	RefreshInterval struct {
		Pause bool `json:"pause"`
		Value int  `json:"value"`
	} `json:"refreshInterval"`
	Meta              storedMeta `json:"kibanaSavedObjectMeta"`
	ControlGroupInput struct {
		ControlStyle             string `json:"controlStyle"`
		ChainingSystem           string `json:"chainingSystem"`
		IgnoreParentSettingsJSON string `json:"ignoreParentSettingsJSON"`
		PanelsJSON               string `json:"panelsJSON"`
	} `json:"controlGroupInput"`
	Version int `json:"version"`
}

type storedPanel struct {
	Type       string `json:"type"`
	PanelIndex string `json:"panelIndex"`
	GridData   struct {
		X int    `json:"x"`
		Y int    `json:"y"`
		W int    `json:"w"`
		H int    `json:"h"`
		I string `json:"i"`
	} `json:"gridData"`
	PanelRefName     string `json:"panelRefName"`
	EmbeddableConfig struct {
		Title           string   `json:"title"`
		HidePanelTitles bool     `json:"hidePanelTitles"`
		Enhancements    struct{} `json:"enhancements"`
	} `json:"embeddableConfig"`
}

type storedControl struct {
	Type          string `json:"type"`
	Order         int    `json:"order"`
	Grow          bool   `json:"grow"`
	Width         string `json:"width"`
	ExplicitInput struct {
		ID              string   `json:"id"`
		FieldName       string   `json:"fieldName"`
		Title           string   `json:"title"`
		SearchTechnique string   `json:"searchTechnique"`
		SelectedOptions []string `json:"selectedOptions"`
		Sort            struct {
			By        string `json:"by"`
			Direction string `json:"direction"`
		} `json:"sort"`
		Enhancements struct{} `json:"enhancements"`
	} `json:"explicitInput"`
}

// strict decodes and refuses members that T does not know.
func strict[T any](t *testing.T, text []byte) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return v
}

// ofType returns the objects of one type.
func ofType(t *testing.T, typ string) []Object {
	t.Helper()
	return slices.DeleteFunc(mustObjects(t), func(o Object) bool { return o.Type != typ })
}

func TestR20ObjectsStateTheVersionsThatEveryKibanaSince812Migrates(t *testing.T) {
	versions := map[string]string{"tag": "8.0.0", "index-pattern": "8.0.0", "search": "8.0.0", "lens": "8.9.0", "dashboard": "8.9.0"}
	for _, o := range mustObjects(t) {
		if o.CoreMigrationVersion != "8.8.0" || o.TypeMigrationVersion != versions[o.Type] {
			t.Errorf("%s %s states %q and %q", o.Type, o.ID, o.CoreMigrationVersion, o.TypeMigrationVersion)
		}
		if o.Managed {
			t.Errorf("%s %s is managed: nobody could edit it in Kibana", o.Type, o.ID)
		}
	}
}

func TestR20IdsAreOursFixedAndUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range mustObjects(t) {
		if !strings.HasPrefix(o.ID, "api7-audit-") {
			t.Errorf("%s %s", o.Type, o.ID)
		}
		if seen[o.Type+o.ID] {
			t.Errorf("%s %s is there twice: Kibana would refuse the file", o.Type, o.ID)
		}
		seen[o.Type+o.ID] = true
	}
}

// Kibana rewrites ids in references when it has to give an object another one,
// and nowhere else.
func TestNoIdInsideAttributes(t *testing.T) {
	objects := mustObjects(t)
	for _, o := range objects {
		for _, other := range objects {
			if strings.Contains(string(o.Attributes), other.ID) {
				t.Errorf("%s %s names %s in its attributes", o.Type, o.ID, other.ID)
			}
		}
	}
}

// Kibana itself checks references to data views and searches only.
func TestR20ReferencesResolveAndAreUsed(t *testing.T) {
	objects := mustObjects(t)
	for _, o := range objects {
		names := map[string]bool{}
		for _, r := range o.References {
			if names[r.Name] {
				t.Errorf("%s %s has two references %s", o.Type, o.ID, r.Name)
			}
			names[r.Name] = true
			if !slices.ContainsFunc(objects, func(to Object) bool { return to.Type == r.Type && to.ID == r.ID }) {
				t.Errorf("%s %s: %s leads to %s %s, which is not in the bundle", o.Type, o.ID, r.Name, r.Type, r.ID)
			}
		}
		want := expectedReferences(t, o)
		if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
			t.Errorf("%s %s has the references\n%q, its attributes want\n%q", o.Type, o.ID, got, want)
		}
	}
}

// expectedReferences derives the names from the attributes, in the forms that
// Kibana looks for.
func expectedReferences(t *testing.T, o Object) []string {
	t.Helper()
	names := []string{"tag-ref-api7-audit-tag"}
	switch o.Type {
	case "tag", "index-pattern": // Kibana tags neither
		return nil
	case "search":
		source := sourceOf(t, unmarshal[storedSearch](t, o.Attributes).Meta)
		names = append(names, source.IndexRefName)
		for _, f := range source.Filter {
			names = append(names, f.Meta.IndexRefName)
		}
	case "lens":
		state := unmarshal[storedLens](t, o.Attributes).State
		for layer := range state.DatasourceStates.FormBased.Layers {
			names = append(names, "indexpattern-datasource-layer-"+layer)
		}
		for _, f := range state.Filters {
			names = append(names, f.Meta.Index)
		}
	case "dashboard":
		for _, p := range panelsOf(t, o) {
			names = append(names, p.PanelIndex+":"+p.PanelRefName)
		}
		for id := range controlsOf(t, o) {
			names = append(names, "controlGroup_"+id+":optionsListDataView")
		}
	}
	slices.Sort(names)
	return names
}

func sourceOf(t *testing.T, m storedMeta) storedSource {
	t.Helper()
	return strict[storedSource](t, []byte(m.SearchSourceJSON))
}

func panelsOf(t *testing.T, dashboard Object) []storedPanel {
	t.Helper()
	return strict[[]storedPanel](t, []byte(unmarshal[storedDashboard](t, dashboard.Attributes).PanelsJSON))
}

func controlsOf(t *testing.T, dashboard Object) map[string]storedControl {
	t.Helper()
	return strict[map[string]storedControl](t, []byte(unmarshal[storedDashboard](t, dashboard.Attributes).ControlGroupInput.PanelsJSON))
}

func TestTag(t *testing.T) {
	tags := ofType(t, "tag")
	if len(tags) != 1 {
		t.Fatalf("%d tags", len(tags))
	}
	// The limits of Kibana's own form, which import does not check.
	tag := strict[storedTag](t, tags[0].Attributes)
	if n := utf8.RuneCountInString(tag.Name); n < 2 || n > 50 {
		t.Errorf("name %q", tag.Name)
	}
	if utf8.RuneCountInString(tag.Description) > 100 || tag.Description == "" {
		t.Errorf("description %q", tag.Description)
	}
	if len(tag.Color) != 7 || strings.Trim(tag.Color[1:], "0123456789ABCDEF") != "" || tag.Color[0] != '#' {
		t.Errorf("color %q", tag.Color)
	}
}

func TestDataView(t *testing.T) {
	views := ofType(t, "index-pattern")
	if len(views) != 1 {
		t.Fatalf("%d data views", len(views))
	}
	v := strict[storedDataView](t, views[0].Attributes)
	if v.Title != "logs-api7.audit-*" || v.TimeFieldName != "@timestamp" || !strings.HasPrefix(v.Name, "[API7 Audit] ") {
		t.Errorf("title %q, time field %q, name %q", v.Title, v.TimeFieldName, v.Name)
	}
	if !v.AllowNoIndex {
		t.Error("without allowNoIndex the data view is broken until the first record arrives")
	}
	if v.Fields != "[]" || v.RuntimeFieldMap != "{}" || v.SourceFilters != "[]" || v.TypeMeta != "{}" {
		t.Error("the data view has scripted or runtime fields, or hides some")
	}
	labels := dataViewLabels(t)
	for field, label := range map[string]string{ // the words of the gateway's page
		"@timestamp": "Time", "user.name": "Operator", "api7.audit.event_name": "Event",
		"api7.audit.resource.id": "Resource ID", "api7.audit.resource.name": "Resource Name",
		"source.ip": "IP Address", "api7.audit.source": "Source",
	} {
		if labels[field] != label {
			t.Errorf("%s is labelled %q, not %q", field, labels[field], label)
		}
	}
	seen := map[string]string{}
	for field, label := range labels {
		if other := seen[label]; other != "" {
			t.Errorf("%s and %s have the label %q", field, other, label)
		}
		seen[label] = field
	}
}

func dataViewLabels(t *testing.T) map[string]string {
	t.Helper()
	v := unmarshal[storedDataView](t, ofType(t, "index-pattern")[0].Attributes)
	labels := map[string]string{}
	for field, attr := range strict[map[string]struct {
		CustomLabel string `json:"customLabel"`
	}](t, []byte(v.FieldAttrs)) {
		labels[field] = attr.CustomLabel
	}
	return labels
}

// pageColumns are the columns of the gateway's audit page, in its order.
var pageColumns = []string{
	"@timestamp", "user.name", "api7.audit.event_name", "api7.audit.resource.id",
	"api7.audit.resource.name", "source.ip", "api7.audit.source",
}

func TestSearches(t *testing.T) {
	for _, o := range ofType(t, "search") {
		t.Run(o.ID, func(t *testing.T) {
			s := strict[storedSearch](t, o.Attributes)
			if !slices.Equal(s.Columns, pageColumns) {
				t.Errorf("columns %q", s.Columns)
			}
			if len(s.Sort) != 1 || !slices.Equal(s.Sort[0], []string{"@timestamp", "desc"}) {
				t.Errorf("sort %q", s.Sort)
			}
			for column := range s.Grid.Columns {
				if !slices.Contains(s.Columns, column) {
					t.Errorf("a width for %s, which is no column", column)
				}
			}
			if !s.TimeRestore || s.TimeRange.To != "now" || s.TimeRange.From != "now-30d" && s.TimeRange.From != "now-7d" {
				t.Errorf("time range %+v", s.TimeRange)
			}
			source := sourceOf(t, s.Meta)
			if source.Query.Query != "" || source.Query.Language != "kuery" {
				t.Errorf("query %q: the filters have to be pills", source.Query.Query)
			}
			for _, f := range source.Filter {
				checkFilter(t, f)
			}
		})
	}
}

// checkFilter compares what a pill shows (meta) with what it does (query).
func checkFilter(t *testing.T, f storedFilter) {
	t.Helper()
	if f.State.Store != "appState" || f.Meta.Disabled || f.Meta.Negate {
		t.Errorf("filter on %s is pinned, disabled or negated", f.Meta.Key)
	}
	var want map[string]any
	switch f.Meta.Type {
	case "phrase":
		value := strict[struct {
			Query string `json:"query"`
		}](t, f.Meta.Params).Query
		want = map[string]any{"match_phrase": map[string]any{f.Meta.Key: value}}
	case "phrases":
		should := []any{}
		for _, value := range strict[[]string](t, f.Meta.Params) {
			should = append(should, map[string]any{"match_phrase": map[string]any{f.Meta.Key: value}})
		}
		want = map[string]any{"bool": map[string]any{"should": should, "minimum_should_match": 1}}
	case "custom": // shows its alias and is edited as query DSL
		if f.Meta.Alias == nil || *f.Meta.Alias == "" || f.Meta.Key != "query" {
			t.Errorf("a custom filter without a name")
		}
		return
	default:
		t.Fatalf("filter of type %q", f.Meta.Type)
	}
	if !bytes.Equal(marshal(t, want), marshal(t, f.Query)) {
		t.Errorf("the pill on %s shows %s and does %s", f.Meta.Key, marshal(t, want), marshal(t, f.Query))
	}
}

func TestLens(t *testing.T) {
	for _, o := range ofType(t, "lens") {
		t.Run(o.ID, func(t *testing.T) {
			l := strict[storedLens](t, o.Attributes)
			layers := l.State.DatasourceStates.FormBased.Layers
			if len(layers) != 1 {
				t.Fatalf("%d layers", len(layers))
			}
			for id, layer := range layers {
				checkColumns(t, layer)
				if used := accessors(t, l, id); !slices.Equal(used, slices.Sorted(maps.Keys(layer.Columns))) {
					t.Errorf("the chart uses the columns %q", used)
				}
			}
			if l.State.Query.Query != "" || l.State.Query.Language != "kuery" {
				t.Errorf("query %q", l.State.Query.Query)
			}
			for _, f := range l.State.Filters {
				checkFilter(t, f)
			}
		})
	}
}

func checkColumns(t *testing.T, layer lensLayer) {
	t.Helper()
	if got, want := slices.Sorted(slices.Values(layer.ColumnOrder)), slices.Sorted(maps.Keys(layer.Columns)); !slices.Equal(got, want) {
		t.Errorf("columnOrder %q of the columns %q", got, want)
	}
	if layer.Sampling != 1 || layer.IgnoreGlobalFilters {
		t.Error("the layer samples or ignores the dashboard's filters")
	}
	metrics := false
	for _, id := range layer.ColumnOrder {
		c := layer.Columns[id]
		if c.Label == "" || !c.CustomLabel {
			t.Errorf("column %s has no label of its own", id)
		}
		if metrics && c.IsBucketed {
			t.Errorf("column %s: buckets come before metrics", id)
		}
		metrics = !c.IsBucketed
		want := map[string]struct{ dataType, scale string }{
			"terms": {"string", "ordinal"}, "date_histogram": {"date", "interval"},
			"count": {"number", "ratio"}, "unique_count": {"number", "ratio"}, "max": {"date", "ratio"},
		}[c.OperationType]
		if c.DataType != want.dataType || c.Scale != want.scale {
			t.Errorf("column %s: %s of type %s and scale %s", id, c.OperationType, c.DataType, c.Scale)
		}
		if c.OperationType == "count" && c.SourceField != "___records___" {
			t.Errorf("column %s counts %s", id, c.SourceField)
		}
		if c.OperationType == "terms" {
			checkTerms(t, layer, c)
		}
	}
}

func checkTerms(t *testing.T, layer lensLayer, c lensColumn) {
	t.Helper()
	by, ok := layer.Columns[c.Params.OrderBy.ColumnID]
	if c.Params.OrderBy.Type != "column" || !ok || by.IsBucketed || c.Params.OrderDirection != "desc" || c.Params.Size < 1 {
		t.Errorf("%s is not ordered by a metric", c.SourceField)
	}
	// Lens shows records without a value only together with "other", and only
	// of fields with strings.
	if !c.Params.OtherBucket || !c.Params.MissingBucket || c.Params.ParentFormat.ID != "terms" {
		t.Errorf("%s leaves records out without a word", c.SourceField)
	}
}

// accessors returns the columns that a chart uses, sorted, and checks its
// shape.
func accessors(t *testing.T, l storedLens, layer string) []string {
	t.Helper()
	var used []string
	ids, kinds := []string{}, []string{}
	switch l.VisualizationType {
	case "lnsXY":
		v := strict[lensXY](t, l.State.Visualization)
		for _, x := range v.Layers {
			ids, kinds = append(ids, x.LayerID), append(kinds, x.LayerType)
			used = append(append(used, x.XAccessor, x.SplitAccessor), x.Accessors...)
		}
	case "lnsPie":
		v := strict[lensPie](t, l.State.Visualization)
		for _, p := range v.Layers {
			ids, kinds = append(ids, p.LayerID), append(kinds, p.LayerType)
			used = append(append(used, p.PrimaryGroups...), p.Metrics...)
		}
	case "lnsDatatable":
		v := strict[lensTable](t, l.State.Visualization)
		ids, kinds = append(ids, v.LayerID), append(kinds, v.LayerType)
		for _, c := range v.Columns {
			used = append(used, c.ColumnID)
		}
	case "lnsMetric":
		v := strict[lensMetric](t, l.State.Visualization)
		ids, kinds = append(ids, v.LayerID), append(kinds, v.LayerType)
		used = append(used, v.MetricAccessor)
	default:
		t.Fatalf("visualization type %q", l.VisualizationType)
	}
	if !slices.Equal(ids, []string{layer}) || !slices.Equal(kinds, []string{"data"}) {
		t.Errorf("the chart has the layers %q of type %q", ids, kinds)
	}
	slices.Sort(used)
	return used
}

func TestDashboard(t *testing.T) {
	dashboards := ofType(t, "dashboard")
	if len(dashboards) != 1 {
		t.Fatalf("%d dashboards", len(dashboards))
	}
	d := strict[storedDashboard](t, dashboards[0].Attributes)
	if !d.TimeRestore || d.TimeFrom != "now-30d" || d.TimeTo != "now" || !d.RefreshInterval.Pause {
		t.Error("the dashboard does not open with the last 30 days, at rest")
	}
	source := sourceOf(t, d.Meta)
	if source.Query.Query != "" || len(source.Filter) != 0 {
		t.Error("the dashboard hides records")
	}
	strict[struct {
		UseMargins, SyncColors, SyncCursor, SyncTooltips, HidePanelTitles bool
	}](t, []byte(d.OptionsJSON))
	parents := strict[map[string]bool](t, []byte(d.ControlGroupInput.IgnoreParentSettingsJSON))
	for setting, ignored := range parents {
		if ignored {
			t.Errorf("the controls have %s", setting)
		}
	}
}

func TestDashboardShowsEveryChartOnceAndTheListLast(t *testing.T) {
	dashboard := ofType(t, "dashboard")[0]
	shown := map[string]int{}
	for _, r := range dashboard.References {
		shown[r.Type+":"+r.ID]++
	}
	for _, o := range ofType(t, "lens") {
		if shown["lens:"+o.ID] != 1 {
			t.Errorf("%s is shown %d times", o.ID, shown["lens:"+o.ID])
		}
	}
	panels := panelsOf(t, dashboard)
	if last := panels[len(panels)-1]; last.Type != "search" || shown["search:api7-audit-all"] != 1 {
		t.Errorf("the last panel is %s", last.PanelIndex)
	}
}

// The grid of a dashboard is 48 wide. Here it is filled without gap or overlap.
func TestPanelsFillTheGrid(t *testing.T) {
	taken := map[[2]int]string{}
	bottom := 0
	for _, p := range panelsOf(t, ofType(t, "dashboard")[0]) {
		g := p.GridData
		if g.I != p.PanelIndex || p.PanelRefName != "panel_"+p.PanelIndex || p.EmbeddableConfig.Title == "" {
			t.Errorf("panel %s: i %s, panelRefName %s, title %q", p.PanelIndex, g.I, p.PanelRefName, p.EmbeddableConfig.Title)
		}
		bottom = max(bottom, g.Y+g.H)
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 48 {
					t.Fatalf("%s lies over %s or beyond the edge", p.PanelIndex, other)
				}
				taken[[2]int{x, y}] = p.PanelIndex
			}
		}
	}
	if len(taken) != 48*bottom {
		t.Errorf("%d cells of the grid are empty", 48*bottom-len(taken))
	}
}

func TestControlsAreThePagesFilters(t *testing.T) {
	controls := controlsOf(t, ofType(t, "dashboard")[0])
	fields := make([]string, len(controls))
	labels := dataViewLabels(t)
	for id, c := range controls {
		in := c.ExplicitInput
		if c.Type != "optionsListControl" || in.ID != id || c.Order < 0 || c.Order >= len(fields) || fields[c.Order] != "" {
			t.Fatalf("control %s: type %s, id %s, order %d", id, c.Type, in.ID, c.Order)
		}
		fields[c.Order] = in.FieldName
		if in.Title != labels[in.FieldName] {
			t.Errorf("control %s is titled %q, the field %q", id, in.Title, labels[in.FieldName])
		}
		if len(in.SelectedOptions) != 0 {
			t.Errorf("control %s begins with a selection", id)
		}
	}
	want := []string{
		"api7.audit.event_name", "user.name", "api7.audit.resource.id",
		"api7.audit.resource.name", "api7.audit.source", "event.outcome",
	}
	if !slices.Equal(fields, want) {
		t.Errorf("controls %q", fields)
	}
}

// Lists and screen readers show title and description.
func TestTitlesAndDescriptions(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range mustObjects(t) {
		if o.Type == "tag" || o.Type == "index-pattern" {
			continue
		}
		a := unmarshal[struct{ Title, Description string }](t, o.Attributes)
		if !strings.HasPrefix(a.Title, "[API7 Audit] ") || len(a.Description) < 20 || !strings.HasSuffix(a.Description, ".") {
			t.Errorf("%s %s: title %q, description %q", o.Type, o.ID, a.Title, a.Description)
		}
		if key := o.Type + a.Title; seen[key] {
			t.Errorf("two of type %s have the title %q", o.Type, a.Title)
		} else {
			seen[key] = true
		}
	}
}

// Kibana takes 25 MiB and 10 000 objects at once.
func TestBundleIsLinesOfUTF8(t *testing.T) {
	if !utf8.Valid(bundle) || !bytes.HasSuffix(bundle, []byte("}\n")) || bytes.Contains(bundle, []byte("\r")) {
		t.Error("the bundle is not lines of UTF-8")
	}
	if lines := bytes.Count(bundle, []byte("\n")); lines != len(mustObjects(t)) || len(bundle) > 1<<20 {
		t.Errorf("%d lines, %d bytes", lines, len(bundle))
	}
}
