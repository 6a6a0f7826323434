package kibana

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// installed returns a Kibana with the bundle in it.
func installed(t *testing.T) (*fakeKibana, *Client) {
	t.Helper()
	k := newFakeKibana(t)
	c := k.client()
	if err := c.Import(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return k, c
}

func verify(t *testing.T, c *Client) Report {
	t.Helper()
	report, err := c.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(report) != len(mustObjects(t)) {
		t.Fatalf("a report of %d objects", len(report))
	}
	return report
}

// find returns the finding of one object, and fails if another is not current.
func find(t *testing.T, report Report, typ, id string) Finding {
	t.Helper()
	var found Finding
	for _, f := range report {
		switch {
		case f.Type == typ && f.ID == id:
			found = f
		case f.State != Current:
			t.Errorf("%s %s is %s: %q", f.Type, f.ID, f.State, f.Differs)
		}
	}
	return found
}

func TestVerifyAnEmptyKibana(t *testing.T) {
	report := verify(t, newFakeKibana(t).client())
	if len(report.In(Missing)) != len(report) {
		t.Errorf("found %+v", report.In(Current, Changed, Outdated))
	}
	if report[0].Title == "" {
		t.Error("a finding without a title")
	}
}

func TestVerifyAfterImport(t *testing.T) {
	_, c := installed(t)
	if report := verify(t, c); len(report.In(Current)) != len(report) {
		t.Errorf("found %+v", report.In(Missing, Changed, Outdated))
	}
}

func TestVerifyNamesWhatWasDeleted(t *testing.T) {
	k, c := installed(t)
	k.remove("lens", "api7-audit-outcome")
	if f := find(t, verify(t, c), "lens", "api7-audit-outcome"); f.State != Missing {
		t.Errorf("found %+v", f)
	}
}

func TestVerifyNamesWhatAPersonChanged(t *testing.T) {
	inJSON := func(attributes map[string]any, key string, change func(v any) any) {
		text := attributes[key].(string)
		attributes[key] = string(marshal(t, change(unmarshal[any](t, []byte(text)))))
	}
	for name, c := range map[string]struct {
		typ, id string
		change  func(attributes map[string]any)
		differs string
	}{
		"title of a search": {"search", "api7-audit-all", func(a map[string]any) { a["title"] = "All" }, "title"},
		"columns of a search": {"search", "api7-audit-all", func(a map[string]any) {
			a["columns"] = []string{"@timestamp"}
		}, "columns"},
		"time range of a search": {"search", "api7-audit-all", func(a map[string]any) {
			a["timeRange"] = map[string]any{"from": "now-1y", "to": "now"}
		}, "time range"},
		"filter of a search": {"search", "api7-audit-by-event", func(a map[string]any) {
			inJSON(a["kibanaSavedObjectMeta"].(map[string]any), "searchSourceJSON", func(v any) any {
				pill := v.(map[string]any)["filter"].([]any)[0].(map[string]any)
				pill["query"] = map[string]any{"match_phrase": map[string]any{"api7.audit.event_name": "Delete Service"}}
				return v
			})
		}, "filters"},
		"filter switched off": {"search", "api7-audit-by-event", func(a map[string]any) {
			inJSON(a["kibanaSavedObjectMeta"].(map[string]any), "searchSourceJSON", func(v any) any {
				v.(map[string]any)["filter"].([]any)[0].(map[string]any)["meta"].(map[string]any)["disabled"] = true
				return v
			})
		}, "filters"},
		"query of the dashboard": {"dashboard", "api7-audit-overview", func(a map[string]any) {
			inJSON(a["kibanaSavedObjectMeta"].(map[string]any), "searchSourceJSON", func(v any) any {
				v.(map[string]any)["query"].(map[string]any)["query"] = "user.name : admin"
				return v
			})
		}, "query"},
		"panel of the dashboard": {"dashboard", "api7-audit-overview", func(a map[string]any) {
			inJSON(a, "panelsJSON", func(v any) any { return v.([]any)[1:] })
		}, "panels"},
		"control of the dashboard": {"dashboard", "api7-audit-overview", func(a map[string]any) {
			inJSON(a["controlGroupInput"].(map[string]any), "panelsJSON", func(v any) any {
				delete(v.(map[string]any), "source")
				return v
			})
		}, "controls"},
		"shape of a chart": {"lens", "api7-audit-outcome", func(a map[string]any) {
			a["state"].(map[string]any)["visualization"].(map[string]any)["shape"] = "pie"
		}, "chart"},
		"label of the data view": {"index-pattern", "api7-audit-logs", func(a map[string]any) {
			inJSON(a, "fieldAttrs", func(v any) any {
				v.(map[string]any)["user.name"] = map[string]any{"customLabel": "Who"}
				return v
			})
		}, "labels"},
		"format of the data view": {"index-pattern", "api7-audit-logs", func(a map[string]any) { a["fieldFormatMap"] = "{}" }, "formats"},
		"runtime field":           {"index-pattern", "api7-audit-logs", func(a map[string]any) { a["runtimeFieldMap"] = `{"x":{"type":"keyword"}}` }, "runtime fields"},
		"color of the tag":        {"tag", "api7-audit-tag", func(a map[string]any) { a["color"] = "#FFFFFF" }, "color"},
		"a form of the future":    {"dashboard", "api7-audit-overview", func(a map[string]any) { a["panelsJSON"] = []any{} }, "form"},
	} {
		t.Run(name, func(t *testing.T) {
			k, client := installed(t)
			k.edit(c.typ, c.id, c.change)
			f := find(t, verify(t, client), c.typ, c.id)
			if f.State != Changed || !slices.Equal(f.Differs, []string{c.differs}) {
				t.Errorf("found %+v", f)
			}
		})
	}
}

// Widths, row heights and colours are each user's own. As an earlier release had
// them they are nobody's, and are brought up to date.
func TestVerifyKnowsFormerLooks(t *testing.T) {
	known := knownLooks(t)
	for name, c := range map[string]struct {
		typ, id string
		change  func(attributes map[string]any)
	}{
		"rows of three lines": {"search", "api7-audit-all", func(a map[string]any) {
			delete(a, "rowHeight")
			a["grid"] = map[string]any{"columns": map[string]any{
				"@timestamp": map[string]any{"width": 210}, "user.name": map[string]any{"width": 150},
				"api7.audit.event_name": map[string]any{"width": 220}, "api7.audit.resource.id": map[string]any{"width": 310},
				"api7.audit.resource.name": map[string]any{"width": 200}, "source.ip": map[string]any{"width": 150},
			}}
		}},
		"colours by chance": {"lens", "api7-audit-outcome", func(a map[string]any) {
			layer := a["state"].(map[string]any)["visualization"].(map[string]any)["layers"].([]any)[0].(map[string]any)
			for _, later := range []string{"colorMapping", "legendPosition", "truncateLegend"} {
				delete(layer, later)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			k, client := installed(t)
			k.edit(c.typ, c.id, c.change)
			if f := find(t, verify(t, client), c.typ, c.id); f.State != Outdated || !slices.Equal(f.Differs, []string{"look"}) {
				t.Errorf("found %+v, known are %q", f, known[c.typ+":"+c.id])
			}
		})
	}
}

func knownLooks(t *testing.T) map[string][]string {
	t.Helper()
	known, err := knownForms()
	if err != nil {
		t.Fatal(err)
	}
	return known.looks
}

// What Kibana writes by itself, and what is each user's own, is no drift.
func TestVerifyForgivesWhatKibanaDoes(t *testing.T) {
	for name, c := range map[string]struct {
		typ, id string
		change  func(attributes map[string]any)
	}{
		"defaults": {"search", "api7-audit-all", func(a map[string]any) {
			a["rowHeight"], a["sampleSize"], a["usesAdHocDataView"] = 3, 500, false
		}},
		"widths of columns": {"search", "api7-audit-all", func(a map[string]any) { delete(a, "grid") }},
		"tabs of Kibana 9": {"search", "api7-audit-by-event", func(a map[string]any) {
			tab := map[string]any{}
			for _, key := range []string{"columns", "sort", "grid", "timeRestore", "timeRange", "kibanaSavedObjectMeta", "hideChart", "viewMode"} {
				tab[key] = a[key]
				delete(a, key)
			}
			a["tabs"] = []any{map[string]any{"id": "1", "label": "Untitled", "attributes": tab}}
		}},
		"popularity of fields": {"index-pattern", "api7-audit-logs", func(a map[string]any) {
			attrs := unmarshal[map[string]map[string]any](t, []byte(a["fieldAttrs"].(string)))
			attrs["user.name"]["count"] = 12
			attrs["agent.name"] = map[string]any{"count": 1}
			a["fieldAttrs"] = string(marshal(t, attrs))
		}},
		"sections and margins of the dashboard": {"dashboard", "api7-audit-overview", func(a map[string]any) {
			a["sections"], a["optionsJSON"] = []any{}, `{"useMargins":false}`
		}},
		"new members of a chart": {"lens", "api7-audit-outcome", func(a map[string]any) {
			a["version"] = 2
			a["state"].(map[string]any)["needsRefresh"] = false
		}},
	} {
		t.Run(name, func(t *testing.T) {
			k, client := installed(t)
			k.edit(c.typ, c.id, c.change)
			if f := find(t, verify(t, client), c.typ, c.id); f.State != Current {
				t.Errorf("found %+v", f)
			}
		})
	}
}

func TestApplyInstallsIntoAnEmptyKibanaAndThenDoesNothing(t *testing.T) {
	k := newFakeKibana(t)
	c := k.client()
	if report, err := c.Apply(t.Context(), false); err != nil || len(report.In(Missing)) != len(report) {
		t.Fatalf("%+v, %v", report, err)
	}
	k.sent()
	if report, err := c.Apply(t.Context(), false); err != nil || len(report.In(Current)) != len(report) {
		t.Fatalf("%+v, %v", report, err)
	}
	for _, request := range k.sent() {
		if strings.Contains(request, "_import") {
			t.Errorf("the second run sent %s", request)
		}
	}
}

func TestApplyLeavesWhatAPersonChangedUnlessForced(t *testing.T) {
	k, c := installed(t)
	k.edit("search", "api7-audit-failed", func(a map[string]any) { a["columns"] = []string{"user.name"} })
	k.remove("search", "api7-audit-deletions")
	if _, err := c.Apply(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if f := find(t, verify(t, c), "search", "api7-audit-failed"); f.State != Changed {
		t.Fatalf("found %+v", f)
	}
	if _, err := c.Apply(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if f := find(t, verify(t, c), "search", "api7-audit-failed"); f.State != Current {
		t.Fatalf("found %+v", f)
	}
}

// An object in the form of an earlier release is replaced, in its own words.
func TestApplyReplacesAnEarlierRelease(t *testing.T) {
	shipped := mustObjects(t)
	i := slices.IndexFunc(shipped, func(o Object) bool { return o.ID == "api7-audit-failed" })
	old := shipped[i]
	attributes := unmarshal[map[string]any](t, old.Attributes)
	attributes["title"] = "[API7 Audit] Failures"
	old.Attributes = marshal(t, attributes)
	there := map[Reference]Object{{Type: old.Type, ID: old.ID}: old}

	for name, c := range map[string]struct {
		known map[string][]string
		want  State
	}{
		"known":   {map[string][]string{"search:api7-audit-failed": {"0123456789abcdef", fingerprintOf(t, old), "fedcba9876543210"}}, Outdated},
		"unknown": {map[string][]string{"search:api7-audit-failed": {"0123456789abcdef"}}, Changed},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := compare(shipped, there, forms{fingerprints: c.known})
			if err != nil {
				t.Fatal(err)
			}
			if f := report[i]; f.State != c.want || !slices.Equal(f.Differs, []string{"title"}) {
				t.Errorf("found %+v", f)
			}
		})
	}
}

// In a second space Kibana gives the objects other ids.
func TestR20ObjectsWithOtherIdsInASecondSpace(t *testing.T) {
	k := newFakeKibana(t)
	k.prefix, k.takenIDs = "/s/audit", true
	c := k.client(func(o *Options) { o.Space = "audit" })
	for range 2 {
		if _, err := c.Apply(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if report := verify(t, c); len(report.In(Current)) != len(report) {
			t.Fatalf("found %+v", report.In(Missing, Changed, Outdated))
		}
		if k.count() != len(mustObjects(t)) {
			t.Fatalf("%d objects in Kibana", k.count())
		}
	}
	k.edit("dashboard", "api7-audit-overview", func(a map[string]any) { a["title"] = "Mine" })
	if f := find(t, verify(t, c), "dashboard", "api7-audit-overview"); f.State != Changed {
		t.Errorf("found %+v", f)
	}
}

func TestVerifySaysWhatKibanaRefuses(t *testing.T) {
	k, c := installed(t)
	c.sign = Basic("kim", func() (string, error) { return "wrong", nil })
	_, err := c.Verify(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("error %v", err)
	}
	if _, err := c.Apply(t.Context(), true); !errors.As(err, &e) || k.count() != len(mustObjects(t)) {
		t.Errorf("error %v", err)
	}
}

func TestFacetsRefuseOtherTypes(t *testing.T) {
	if _, err := facetsOf(Object{Type: "canvas-workpad", ID: "x"}, nil); err == nil {
		t.Error("no error")
	}
}

// FuzzFacets: an object in any form is read or refused, and what was read has a
// fingerprint that does not change.
func FuzzFacets(f *testing.F) {
	objects, err := Objects()
	if err != nil {
		f.Fatal(err)
	}
	for _, o := range objects {
		f.Add(o.Type, []byte(o.Attributes))
	}
	f.Fuzz(func(t *testing.T, typ string, attributes []byte) {
		o := Object{Type: typ, ID: "x", Attributes: json.RawMessage(attributes)}
		got, err := facetsOf(o, nil)
		if err != nil {
			return
		}
		again, err := facetsOf(o, nil)
		if err != nil || len(got.differs(again)) > 0 {
			t.Fatalf("read twice: %v %q", err, got.differs(again))
		}
		first, errFirst := got.fingerprint()
		second, errSecond := again.fingerprint()
		if first != second || errFirst != nil || errSecond != nil {
			t.Errorf("the fingerprint changes from %s to %s: %v %v", first, second, errFirst, errSecond)
		}
	})
}
