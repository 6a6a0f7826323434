package kibana

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/peer"
)

// fakeKibana answers as Kibana 8 does, from memory, and notes what does not
// look like a request that Kibana takes.
type fakeKibana struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	prefix   string // of the space
	spaces   []string
	objects  map[Reference]Object
	takenIDs bool // another space has the ids of the bundle
	roles    map[string]json.RawMessage
	requests []string
	// answer, if set, answers instead.
	answer func(w http.ResponseWriter, r *http.Request) bool
	// refuse makes the import of an object fail with 'unknown'.
	refuse map[string]string
}

const (
	fakeSecret     = "c2VjcmV0LWtleTpzZWNyZXQtdmFsdWU=" // secret-key:secret-value
	fakeCredential = "ApiKey " + fakeSecret
)

func newFakeKibana(t *testing.T) *fakeKibana {
	t.Helper()
	k := &fakeKibana{t: t, objects: map[Reference]Object{}, roles: map[string]json.RawMessage{}, refuse: map[string]string{}}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

// client returns a client that waits next to nothing between retries.
func (k *fakeKibana) client(change ...func(*Options)) *Client {
	k.t.Helper()
	o := Options{
		URL: k.url, Credential: APIKey(func() (string, error) { return fakeSecret, nil }),
		Backoff: peer.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond, AskedMax: 5 * time.Millisecond},
	}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(c.Close)
	return c
}

func (k *fakeKibana) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.requests = append(k.requests, r.Method+" "+r.URL.RequestURI())
	if k.answer != nil && k.answer(w, r) {
		return
	}
	path, inSpace := strings.CutPrefix(r.URL.Path, k.prefix)
	space, askedForSpace := strings.CutPrefix(r.URL.Path, "/api/spaces/space/")
	switch {
	case r.Header.Get("Authorization") != fakeCredential:
		k.fail(w, 401, "[security_exception]: unable to authenticate "+r.Header.Get("Authorization"))
	case r.Method != http.MethodGet && r.Header.Get("kbn-xsrf") == "":
		k.fail(w, 400, "Request must contain a kbn-xsrf header.")
	case askedForSpace && slices.Contains(k.spaces, space):
		k.send(w, 200, map[string]any{"id": space})
	case !inSpace && r.URL.Path != "/api/status":
		k.fail(w, 404, "Not Found")
	case path == "/api/status" || r.URL.Path == "/api/status":
		k.send(w, 200, map[string]any{"version": map[string]any{"number": "8.19.9"}, "status": map[string]any{}})
	case path == "/api/saved_objects/_import":
		k.doImport(w, r)
	case path == "/api/saved_objects/_export":
		k.doExport(w, r)
	case strings.HasPrefix(path, "/api/security/role/"):
		k.doRole(w, r, strings.TrimPrefix(path, "/api/security/role/"))
	default:
		k.fail(w, 404, "Not Found")
	}
}

func (k *fakeKibana) send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		k.t.Errorf("fake Kibana: %v", err)
	}
}

func (k *fakeKibana) fail(w http.ResponseWriter, status int, message string) {
	k.send(w, status, map[string]any{"statusCode": status, "error": http.StatusText(status), "message": message})
}

// doImport follows import_saved_objects.ts: conflicts and missing references
// stop everything, other errors only their object.
func (k *fakeKibana) doImport(w http.ResponseWriter, r *http.Request) {
	objects, problem := k.importedFile(r)
	if problem != "" {
		k.fail(w, 400, problem)
		return
	}
	overwrite := r.URL.Query().Get("overwrite") == "true"
	fails, fatal := []map[string]any{}, false
	created := map[Reference]Object{}
	for _, o := range objects {
		key := Reference{Type: o.Type, ID: o.ID}
		f := map[string]any{"type": o.Type, "id": o.ID, "meta": map[string]any{}}
		switch missing := k.missing(o, objects); {
		case len(missing) > 0:
			fatal, f["error"] = true, map[string]any{"type": "missing_references", "references": missing}
		case k.at(key).ID != "" && !overwrite:
			fatal, f["error"] = true, map[string]any{"type": "conflict"}
		case k.refuse[o.ID] != "":
			f["error"] = map[string]any{"type": "unknown", "statusCode": 400, "message": k.refuse[o.ID]}
		default:
			created[key] = o
			continue
		}
		fails = append(fails, f)
	}
	if fatal {
		created = nil
	}
	for key, o := range created {
		k.put(key, o)
	}
	answer := map[string]any{"successCount": len(created), "success": len(fails) == 0, "warnings": []any{}}
	if len(fails) > 0 {
		answer["errors"] = fails
	}
	k.send(w, 200, answer)
}

// importedFile reads the multipart form as Kibana's route does.
func (k *fakeKibana) importedFile(r *http.Request) ([]Object, string) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "multipart/form-data" {
		return nil, "Unsupported Media Type"
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		return nil, "[request body.file]: expected value of type [Stream] but got [undefined]"
	}
	defer func() { _ = file.Close() }()
	if !strings.HasSuffix(header.Filename, ".ndjson") {
		return nil, "Invalid file extension " + header.Filename
	}
	text, err := io.ReadAll(file)
	if err != nil {
		k.t.Errorf("fake Kibana: %v", err)
	}
	objects, err := parseObjects(text)
	if err != nil {
		return nil, err.Error()
	}
	seen := map[Reference]bool{}
	for _, o := range objects {
		key := Reference{Type: o.Type, ID: o.ID}
		if seen[key] {
			return nil, fmt.Sprintf("Non-unique import objects detected: [%s:%s]", o.Type, o.ID)
		}
		seen[key] = true
	}
	return objects, ""
}

// missing lists the data views and searches that o refers to in vain: Kibana
// looks at no others.
func (k *fakeKibana) missing(o Object, with []Object) []Reference {
	var missing []Reference
	for _, r := range o.References {
		key := Reference{Type: r.Type, ID: r.ID}
		if r.Type != "index-pattern" && r.Type != "search" || k.at(key).ID != "" || slices.Contains(missing, key) ||
			slices.ContainsFunc(with, func(o Object) bool { return o.Type == r.Type && o.ID == r.ID }) {
			continue
		}
		missing = append(missing, key)
	}
	return missing
}

// at finds an object by its id or its origin.
func (k *fakeKibana) at(key Reference) Object {
	for _, o := range k.objects {
		if o.Type == key.Type && (o.ID == key.ID || o.OriginID == key.ID) {
			return o
		}
	}
	return Object{}
}

// put stores an object, under another id if the space is not the one that has
// the ids of the bundle.
func (k *fakeKibana) put(key Reference, o Object) {
	if k.takenIDs {
		o.OriginID, o.ID = o.ID, "copy-of-"+o.ID
		o.References = slices.Clone(o.References)
		for i := range o.References {
			o.References[i].ID = "copy-of-" + o.References[i].ID
		}
	}
	k.objects[key] = o
}

// doExport follows export.ts and saved_objects_exporter.ts.
func (k *fakeKibana) doExport(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Objects               []Reference `json:"objects"`
		Type                  []string    `json:"type"`
		Search                string      `json:"search"`
		IncludeReferencesDeep bool        `json:"includeReferencesDeep"`
		ExcludeExportDetails  bool        `json:"excludeExportDetails"`
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
		k.fail(w, 400, "[request body]: definition for this key is missing")
		return
	}
	var found []Object
	absent := []map[string]any{}
	for _, key := range body.Objects {
		if o := k.at(key); o.ID == key.ID {
			found = append(found, o)
			continue
		}
		absent = append(absent, map[string]any{"type": key.Type, "id": key.ID, "error": map[string]any{
			"statusCode": 404, "error": "Not Found", "message": fmt.Sprintf("Saved object [%s/%s] not found", key.Type, key.ID),
		}})
	}
	if len(absent) > 0 {
		k.send(w, 400, map[string]any{"statusCode": 400, "error": "Bad Request", "message": "Error fetching objects to export",
			"attributes": map[string]any{"objects": absent}})
		return
	}
	if body.Search != "" {
		for _, o := range k.objects { // with references to it means: all there is
			if body.IncludeReferencesDeep || slices.Contains(body.Type, o.Type) {
				found = append(found, o)
			}
		}
	}
	ndjson, err := pack(found)
	if err != nil {
		k.t.Errorf("fake Kibana: %v", err)
	}
	w.Header().Set("Content-Type", "application/ndjson")
	_, _ = w.Write(ndjson) // the client may be gone
}

func (k *fakeKibana) doRole(w http.ResponseWriter, r *http.Request, name string) {
	switch r.Method {
	case http.MethodGet:
		if k.roles[name] == nil {
			k.fail(w, 404, "Not Found")
			return
		}
		k.send(w, 200, k.roles[name])
	case http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil || !json.Valid(body) {
			k.fail(w, 400, "invalid JSON")
			return
		}
		k.roles[name] = body
		w.WriteHeader(http.StatusNoContent)
	default:
		k.fail(w, 404, "Not Found")
	}
}

// edit changes the attributes of a stored object, as a person does in Kibana.
func (k *fakeKibana) edit(typ, id string, change func(attributes map[string]any)) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	key := Reference{Type: typ, ID: id}
	o, ok := k.objects[key]
	if !ok {
		k.t.Fatalf("no %s %s to edit", typ, id)
	}
	attributes := unmarshal[map[string]any](k.t, o.Attributes)
	change(attributes)
	o.Attributes = marshal(k.t, attributes)
	k.objects[key] = o
}

func (k *fakeKibana) remove(typ, id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.objects, Reference{Type: typ, ID: id})
}

func (k *fakeKibana) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.objects)
}

// sent returns the requests since the last call.
func (k *fakeKibana) sent() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	sent := k.requests
	k.requests = nil
	return sent
}
