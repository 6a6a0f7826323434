package kibana

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "pack objects/ into api7-audit.ndjson and add to fingerprints.json and looks.json")

// packOrder lists what others refer to first, for a reader of the file; Kibana
// takes any order.
var packOrder = []string{"tag", "index-pattern", "search", "lens", "dashboard"}

// jsonInStrings are the attributes that Kibana stores as strings of JSON and
// that the files under objects/ write out.
var jsonInStrings = map[string][]string{
	"index-pattern": {"fields", "fieldAttrs", "fieldFormatMap", "sourceFilters", "typeMeta", "runtimeFieldMap"},
	"search":        {"kibanaSavedObjectMeta.searchSourceJSON"},
	"dashboard": {
		"kibanaSavedObjectMeta.searchSourceJSON", "panelsJSON", "optionsJSON",
		"controlGroupInput.panelsJSON", "controlGroupInput.ignoreParentSettingsJSON",
	},
}

// readSources reads the files under objects/ and checks that each lies where
// its type and id say.
func readSources(t *testing.T) []Object {
	t.Helper()
	var objects []Object
	for _, typ := range packOrder {
		files, err := filepath.Glob("objects/" + typ + "/*.json")
		if err != nil || len(files) == 0 {
			t.Fatalf("no objects of type %s: %v", typ, err)
		}
		for _, file := range files { // sorted
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var o Object
			dec := json.NewDecoder(bytes.NewReader(text))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&o); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if want := filepath.Join("objects", o.Type, o.ID+".json"); file != want {
				t.Errorf("%s holds %s %s", file, o.Type, o.ID)
			}
			o.Attributes = packAttributes(t, o)
			objects = append(objects, o)
		}
	}
	return objects
}

// packAttributes turns the attributes of jsonInStrings into strings.
func packAttributes(t *testing.T, o Object) json.RawMessage {
	t.Helper()
	attributes := unmarshal[map[string]any](t, o.Attributes)
	for _, path := range jsonInStrings[o.Type] {
		keys := strings.Split(path, ".")
		parent := attributes
		for _, key := range keys[:len(keys)-1] {
			parent = parent[key].(map[string]any)
		}
		last := keys[len(keys)-1]
		if _, isString := parent[last].(string); isString || parent[last] == nil {
			t.Fatalf("%s %s: %s is not written out", o.Type, o.ID, path)
		}
		parent[last] = string(marshal(t, parent[last]))
	}
	return marshal(t, attributes)
}

func marshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(out.Bytes())
}

func unmarshal[T any](t *testing.T, text []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return v
}

// mustObjects returns the bundle's objects.
func mustObjects(t *testing.T) []Object {
	t.Helper()
	objects, err := Objects()
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestBundleIsFresh is also the generator: go generate runs it with -update.
func TestBundleIsFresh(t *testing.T) {
	sources := readSources(t)
	want, err := pack(sources)
	if err != nil {
		t.Fatal(err)
	}
	known, err := knownForms()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeGenerated(t, sources, want, known)
		return
	}
	if !bytes.Equal(Bundle(), want) {
		t.Error("api7-audit.ndjson is not what objects/ holds: run go generate ./kibana")
	}
	for _, r := range mustRules(t) {
		if !endsWith(known.fingerprints[r.key()], fingerprintOfRule(t, r)) {
			t.Errorf("fingerprints.json does not end with the present %s rule %s: run go generate ./kibana", r.Kind, r.ID)
		}
	}
	for _, o := range sources {
		key := o.Type + ":" + o.ID
		if !endsWith(known.fingerprints[key], fingerprintOf(t, o)) || !endsWith(known.looks[key], lookOf(o)) {
			t.Errorf("fingerprints.json or looks.json does not end with the present %s %s: run go generate ./kibana", o.Type, o.ID)
		}
	}
}

func endsWith(hashes []string, hash string) bool {
	return len(hashes) > 0 && hashes[len(hashes)-1] == hash
}

func writeGenerated(t *testing.T, objects []Object, ndjson []byte, known forms) {
	t.Helper()
	add := func(to map[string][]string, key, hash string) {
		to[key] = append(slices.DeleteFunc(to[key], func(h string) bool { return h == hash }), hash)
	}
	for _, o := range objects {
		add(known.fingerprints, o.Type+":"+o.ID, fingerprintOf(t, o))
		add(known.looks, o.Type+":"+o.ID, lookOf(o))
	}
	for _, r := range mustRules(t) {
		add(known.fingerprints, r.key(), fingerprintOfRule(t, r))
	}
	files := map[string][]byte{"api7-audit.ndjson": ndjson}
	for name, hashes := range map[string]map[string][]string{"fingerprints.json": known.fingerprints, "looks.json": known.looks} {
		text, err := json.MarshalIndent(hashes, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		files[name] = append(text, '\n')
	}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func fingerprintOf(t *testing.T, o Object) string {
	t.Helper()
	f, err := facetsOf(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := f.fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// FuzzParseObjects: an export is read to its end or refused, and what was read
// can be packed and read again.
func FuzzParseObjects(f *testing.F) {
	f.Add(Bundle())
	f.Add([]byte(`{"exportedCount":1,"missingRefCount":0}`))
	f.Add([]byte("\n\n{\"type\":\"tag\",\"id\":\"x\"}\r\n"))
	f.Fuzz(func(t *testing.T, ndjson []byte) {
		objects, err := parseObjects(ndjson)
		if err != nil {
			return
		}
		packed, err := pack(objects)
		if err != nil {
			return // attributes that are no JSON value, such as none at all
		}
		again, err := parseObjects(packed)
		if err != nil || len(again) != len(objects) {
			t.Fatalf("%d objects became %d: %v", len(objects), len(again), err)
		}
		for _, o := range objects {
			if _, err := facetsOf(o, nil); err != nil && len(err.Error()) == 0 {
				t.Fatal("an empty error")
			}
		}
	})
}
