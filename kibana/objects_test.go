package kibana

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
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
	RowHeight   int    `json:"rowHeight"`
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
		SortField       string `json:"sortField"`
		ShowArrayValues bool   `json:"showArrayValues"`
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
			IsVisible      bool   `json:"isVisible"`
			Position       string `json:"position"`
			ShouldTruncate bool   `json:"shouldTruncate"`
			LegendSize     string `json:"legendSize"`
		} `json:"legend"`
		Layers []struct {
			LayerID       string       `json:"layerId"`
			LayerType     string       `json:"layerType"`
			SeriesType    string       `json:"seriesType"`
			XAccessor     string       `json:"xAccessor"`
			SplitAccessor string       `json:"splitAccessor"`
			Accessors     []string     `json:"accessors"`
			ColorMapping  colorMapping `json:"colorMapping"`
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
			LegendPosition  string   `json:"legendPosition"`
			NestedLegend    bool     `json:"nestedLegend"`
			TruncateLegend  bool     `json:"truncateLegend"`

			ColorMapping colorMapping `json:"colorMapping"`
		} `json:"layers"`
	}
	// colorMapping gives values of a field their colours.
	colorMapping struct {
		Assignments        []colorAssignment `json:"assignments"`
		SpecialAssignments []colorAssignment `json:"specialAssignments"`
		PaletteID          string            `json:"paletteId"`
		ColorMode          struct {
			Type string `json:"type"`
		} `json:"colorMode"`
	}
	colorAssignment struct {
		Rule struct {
			Type   string   `json:"type"`
			Values []string `json:"values"`
		} `json:"rule"`
		Color struct {
			Type      string `json:"type"`
			ColorCode string `json:"colorCode"`
		} `json:"color"`
		Touched bool `json:"touched"`
	}
	lensHeatmap struct {
		Shape         string         `json:"shape"`
		LayerID       string         `json:"layerId"`
		LayerType     string         `json:"layerType"`
		Legend        map[string]any `json:"legend"`
		GridConfig    map[string]any `json:"gridConfig"`
		Palette       map[string]any `json:"palette"`
		ValueAccessor string         `json:"valueAccessor"`
		XAccessor     string         `json:"xAccessor"`
		YAccessor     string         `json:"yAccessor"`
	}
	lensTable struct {
		LayerID   string `json:"layerId"`
		LayerType string `json:"layerType"`
		Columns   []struct {
			ColumnID string `json:"columnId"`
			Width    int    `json:"width"`
		} `json:"columns"`
		Sorting struct {
			ColumnID  string `json:"columnId"`
			Direction string `json:"direction"`
		} `json:"sorting"`
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
		// SavedVis is a text that stands in the panel itself.
		SavedVis *struct {
			Title       string `json:"title"`
			Description string `json:"description"`
			Type        string `json:"type"`
			Params      struct {
				FontSize          int    `json:"fontSize"`
				OpenLinksInNewTab bool   `json:"openLinksInNewTab"`
				Markdown          string `json:"markdown"`
			} `json:"params"`
			UIState struct{} `json:"uiState"`
			Data    struct {
				Aggs         []struct{} `json:"aggs"`
				SearchSource struct {
					Query struct {
						Query    string `json:"query"`
						Language string `json:"language"`
					} `json:"query"`
					Filter []struct{} `json:"filter"`
				} `json:"searchSource"`
			} `json:"data"`
		} `json:"savedVis"`
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
// and nowhere else. The links of the dashboards are the exception: setup imports
// in Kibana's compatibility mode, which makes the old ids lead to the new ones.
func TestNoIdInsideAttributes(t *testing.T) {
	objects := mustObjects(t)
	for _, o := range objects {
		attributes := dashboardLink.ReplaceAllString(string(o.Attributes), "")
		for _, other := range objects {
			if strings.Contains(attributes, other.ID) {
				t.Errorf("%s %s names %s in its attributes", o.Type, o.ID, other.ID)
			}
		}
	}
}

var dashboardLink = regexp.MustCompile(`\]\((dashboards|discover)#/view/([a-z0-9-]+)\)`)

func TestDashboardsLeadToEachOtherAndToEverySearch(t *testing.T) {
	objects := mustObjects(t)
	for _, dashboard := range ofType(t, "dashboard") {
		led := map[string]bool{dashboard.ID: true}
		for _, p := range panelsOf(t, dashboard) {
			if p.EmbeddableConfig.SavedVis == nil {
				continue
			}
			for _, link := range dashboardLink.FindAllStringSubmatch(p.EmbeddableConfig.SavedVis.Params.Markdown, -1) {
				typ := map[string]string{"dashboards": "dashboard", "discover": "search"}[link[1]]
				if !slices.ContainsFunc(objects, func(o Object) bool { return o.Type == typ && o.ID == link[2] }) {
					t.Errorf("%s leads to %s %s, which is not in the bundle", dashboard.ID, typ, link[2])
				}
				led[link[2]] = true
			}
		}
		for _, o := range append(ofType(t, "dashboard"), ofType(t, "search")...) {
			if !led[o.ID] && o.ID != "api7-audit-latest" { // a panel, with the columns of a panel
				t.Errorf("%s does not lead to %s %s", dashboard.ID, o.Type, o.ID)
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
	case "lens": // dashboards take every reference of a chart for a data view
		names = nil
	}
	switch o.Type {
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
			if p.EmbeddableConfig.SavedVis == nil {
				names = append(names, p.PanelIndex+":"+p.PanelRefName)
			}
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
	if v.Fields != "[]" || v.RuntimeFieldMap != "{}" || v.TypeMeta != "{}" {
		t.Error("the data view has scripted or runtime fields")
	}
	for _, f := range strict[[]struct{ Value string }](t, []byte(v.SourceFilters)) {
		if !technical.MatchString(f.Value) {
			t.Errorf("the data view hides %s", f.Value)
		}
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

// technical are fields that say nothing about the operation: the same in every
// document, or there for other programs.
var technical = regexp.MustCompile(`^(agent|data_stream|ecs|host|related)\.|^event\.(dataset|kind|module)$|^observer\.(product|type|vendor)$`)

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

// moreColumns are what some searches show beside them: did it work, and why not.
var moreColumns = map[string][]string{
	"api7-audit-failed":            {"event.outcome", "http.response.status_code", "error.message"},
	"api7-audit-logins-and-tokens": {"event.outcome", "http.response.status_code", "error.message"},
	"api7-audit-latest":            {"event.outcome", "http.response.status_code", "api7.audit.gateway_group.id"},
	"api7-audit-switched-off":      {"event.outcome", "http.response.status_code", "api7.audit.gateway_group.id"},
	"api7-audit-identity-changes":  {"event.outcome", "http.response.status_code", "api7.audit.resource.type"},
}

func TestSearches(t *testing.T) {
	for _, o := range ofType(t, "search") {
		t.Run(o.ID, func(t *testing.T) {
			s := strict[storedSearch](t, o.Attributes)
			for _, column := range pageColumns {
				if !slices.Contains(s.Columns, column) {
					t.Errorf("column %s of the page is not among %q", column, s.Columns)
				}
			}
			if more := moreColumns[o.ID]; len(s.Columns) != len(pageColumns)+len(more) || more == nil && !slices.Equal(s.Columns, pageColumns) {
				t.Errorf("columns %q", s.Columns)
			}
			for _, column := range moreColumns[o.ID] {
				if !slices.Contains(s.Columns, column) {
					t.Errorf("column %s is missing", column)
				}
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
			if s.RowHeight != 0 {
				t.Errorf("rows of height %d: one line shows twice as many", s.RowHeight)
			}
			source := sourceOf(t, s.Meta)
			if source.Query.Language != "kuery" || source.Query.Query != "" && len(source.Filter) > 0 {
				t.Errorf("query %q beside %d pills: one place to look", source.Query.Query, len(source.Filter))
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
			if l.State.Query.Language != "kuery" {
				t.Errorf("query in %q", l.State.Query.Language)
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
			"count": {"number", "ratio"}, "unique_count": {"number", "ratio"},
			"max": {"date", "ratio"}, "min": {"date", "ratio"}, "last_value": {"string", "ordinal"},
		}[c.OperationType]
		if c.SourceField == "http.response.status_code" {
			want.dataType = "number"
		}
		if c.DataType != want.dataType || c.Scale != want.scale {
			t.Errorf("column %s: %s of type %s and scale %s", id, c.OperationType, c.DataType, c.Scale)
		}
		if c.OperationType == "count" && c.SourceField != "___records___" {
			t.Errorf("column %s counts %s", id, c.SourceField)
		}
		switch c.OperationType {
		case "terms":
			checkTerms(t, layer, c)
		case "last_value":
			if c.Params.SortField != "@timestamp" || !c.Params.ShowArrayValues || c.Filter == nil || c.Filter.Query != c.SourceField+": *" {
				t.Errorf("column %s is not the last value of %s", id, c.SourceField)
			}
		}
	}
}

func checkTerms(t *testing.T, layer lensLayer, c lensColumn) {
	t.Helper()
	by, ok := layer.Columns[c.Params.OrderBy.ColumnID]
	if c.Params.OrderBy.Type != "column" || !ok || by.IsBucketed || c.Params.OrderDirection != "desc" || c.Params.Size < 1 {
		t.Errorf("%s is not ordered by a metric", c.SourceField)
	}
	// Lens shows records without a value only together with "other". A ranking
	// says in its description how many it shows; what is a share of the whole has
	// to be whole.
	if c.Params.OtherBucket != c.Params.MissingBucket || c.Params.ParentFormat.ID != "terms" {
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
			if v.Legend.ShouldTruncate {
				t.Error("the legend cuts what it names")
			}
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
		if by := v.Sorting.ColumnID; by != "" && !slices.Contains(used, by) {
			t.Errorf("the table is sorted by %s", by)
		}
	case "lnsHeatmap":
		v := strict[lensHeatmap](t, l.State.Visualization)
		ids, kinds = append(ids, v.LayerID), append(kinds, v.LayerType)
		used = append(used, v.XAccessor, v.YAccessor, v.ValueAccessor)
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

func TestDashboards(t *testing.T) {
	for _, o := range ofType(t, "dashboard") {
		t.Run(o.ID, func(t *testing.T) {
			d := strict[storedDashboard](t, o.Attributes)
			if !d.TimeRestore || d.TimeFrom != "now-30d" || d.TimeTo != "now" || !d.RefreshInterval.Pause {
				t.Error("the dashboard does not open with the last 30 days, at rest")
			}
			source := sourceOf(t, d.Meta)
			if source.Query.Query != "" || len(source.Filter) != 0 {
				t.Error("the dashboard hides records")
			}
			options := strict[struct {
				UseMargins, SyncColors, SyncCursor, SyncTooltips, HidePanelTitles bool
			}](t, []byte(d.OptionsJSON))
			if options.SyncColors {
				t.Error("colours are shared out anew at each load, whatever the charts say")
			}
			parents := strict[map[string]bool](t, []byte(d.ControlGroupInput.IgnoreParentSettingsJSON))
			for setting, ignored := range parents {
				if ignored {
					t.Errorf("the controls have %s", setting)
				}
			}
		})
	}
}

func TestDashboardsShowEveryChart(t *testing.T) {
	shown := map[string]int{}
	for _, dashboard := range ofType(t, "dashboard") {
		here := map[string]int{}
		for _, r := range dashboard.References {
			shown[r.Type+":"+r.ID]++
			if here[r.ID]++; r.Type == "lens" && here[r.ID] > 1 {
				t.Errorf("%s shows %s twice", dashboard.ID, r.ID)
			}
		}
		panels := panelsOf(t, dashboard)
		if last := panels[len(panels)-1]; last.Type != "search" {
			t.Errorf("the last panel of %s is %s", dashboard.ID, last.PanelIndex)
		}
	}
	for _, o := range ofType(t, "lens") {
		if shown["lens:"+o.ID] == 0 {
			t.Errorf("no dashboard shows %s", o.ID)
		}
	}
}

// The grid of a dashboard is 48 wide. Here it is filled without gap or overlap.
func TestPanelsFillTheGrid(t *testing.T) {
	for _, dashboard := range ofType(t, "dashboard") {
		taken := map[[2]int]string{}
		bottom := 0
		for _, p := range panelsOf(t, dashboard) {
			g := p.GridData
			bottom = max(bottom, g.Y+g.H)
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 48 {
						t.Fatalf("%s: %s lies over %s or beyond the edge", dashboard.ID, p.PanelIndex, other)
					}
					taken[[2]int{x, y}] = p.PanelIndex
				}
			}
		}
		if len(taken) != 48*bottom {
			t.Errorf("%s: %d cells of the grid are empty", dashboard.ID, 48*bottom-len(taken))
		}
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
		"api7.audit.resource.name", "api7.audit.source", "event.outcome", "api7.audit.gateway_group.id",
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
