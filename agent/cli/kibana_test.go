package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/kibana"
)

// objectStore is as much of Kibana as setup talks to; there is none to run here.
// It keeps the lines it is given by type and id.
type objectStore struct {
	t     *testing.T
	mu    sync.Mutex
	lines map[[2]string][]byte
	roles map[string][]byte
	users map[string]bool // who signed in
}

func newObjectStore(t *testing.T) (*objectStore, string) {
	t.Helper()
	k := &objectStore{t: t, lines: map[[2]string][]byte{}, roles: map[string][]byte{}, users: map[string]bool{}}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	return k, server.URL
}

func (k *objectStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	user, _, _ := r.BasicAuth()
	k.users[user] = true
	role, isRole := strings.CutPrefix(r.URL.Path, "/api/security/role/")
	switch {
	case r.URL.Path == "/api/status":
		k.write(w, []byte(`{"status":{"overall":{"level":"available"}}}`))
	case r.URL.Path == "/api/saved_objects/_import":
		k.take(w, r)
	case r.URL.Path == "/api/saved_objects/_export":
		k.give(w, r)
	case isRole && r.Method == http.MethodPut:
		k.roles[role] = k.read(r.Body)
		w.WriteHeader(http.StatusNoContent)
	case isRole && k.roles[role] != nil:
		k.write(w, k.roles[role])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (k *objectStore) read(r io.Reader) []byte {
	data, err := io.ReadAll(r)
	if err != nil {
		k.t.Error(err)
	}
	return data
}

func (k *objectStore) write(w io.Writer, data []byte) {
	if _, err := w.Write(data); err != nil {
		k.t.Error(err)
	}
}

// take is the import.
func (k *objectStore) take(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		k.t.Error(err)
		return
	}
	taken := 0
	scanner := bufio.NewScanner(bytes.NewReader(k.read(file)))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var o struct{ Type, ID string }
		if err := json.Unmarshal(scanner.Bytes(), &o); err != nil {
			k.t.Error(err)
		}
		k.lines[[2]string{o.Type, o.ID}] = bytes.Clone(scanner.Bytes())
		taken++
	}
	k.write(w, fmt.Appendf(nil, `{"success":true,"successCount":%d}`, taken))
}

// give is the export, which refuses all if one is not there.
func (k *objectStore) give(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Objects []struct{ Type, ID string } }
	if err := json.Unmarshal(k.read(r.Body), &asked); err != nil {
		k.t.Error(err)
	}
	var found []byte
	absent := []any{}
	for _, o := range asked.Objects {
		line := k.lines[[2]string{o.Type, o.ID}]
		if line == nil {
			absent = append(absent, map[string]any{"type": o.Type, "id": o.ID, "error": map[string]any{"statusCode": 404}})
		}
		found = append(append(found, line...), '\n')
	}
	if len(absent) == 0 {
		k.write(w, found)
		return
	}
	w.WriteHeader(http.StatusBadRequest)
	answer := map[string]any{"statusCode": 400, "error": "Bad Request", "message": "x", "attributes": map[string]any{"objects": absent}}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		k.t.Error(err)
	}
}

// edit renames the columns of one saved search, as a person does.
func (k *objectStore) edit() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for ref, line := range k.lines {
		if ref[0] == "search" {
			k.lines[ref] = bytes.ReplaceAll(line, []byte("user.name"), []byte("user.email"))
			return
		}
	}
	k.t.Error("no saved search was imported")
}

// Setup speaks of Kibana's objects and its role as it does of Elasticsearch's.
func TestSetupInKibana(t *testing.T) {
	store, url := newObjectStore(t)
	elasticsearch := config.Elasticsearch{Username: "elastic", Password: config.NewSecret("c4nary-s3cret")}
	client, err := kibanaClient(config.Kibana{URL: url, Space: "default"}, elasticsearch)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	kb := kibana.NewTarget(client)
	ctx := t.Context()
	does := func(what string, do func(*setup) error, ok bool, texts ...string) {
		t.Helper()
		var out bytes.Buffer
		s := &setup{program: &program{stdout: &out}, force: strings.Contains(what, "force"), plan: strings.Contains(what, "plan"), kept: "180d"}
		if err := do(s); (err == nil) != ok {
			t.Errorf("%s: %v", what, err)
		}
		for _, text := range texts {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: no %q in\n%s", what, text, out.String())
			}
		}
		if strings.Contains(out.String(), "c4nary") {
			t.Error("the password was printed")
		}
	}
	plan := func(s *setup) error { return s.showPlan(ctx, kb) }
	install := func(s *setup) error { return s.installOn(ctx, kb) }
	verify := func(s *setup) error { return s.proveAll(ctx, []target{kb}, true) }

	does("verify", verify, false, "FAILED   Kibana dashboard", ": exists: no; auditship setup creates it", "FAILED   Kibana role auditship_kibana_analyst: exists")
	does("plan", plan, true, "+ Kibana dashboard", "+ Kibana role auditship_kibana_analyst", "Kibana, space default: 0 of ")
	does("install", install, true, "created Kibana dashboard", "created Kibana role auditship_kibana_analyst")
	does("verify", verify, true, "ok       Kibana dashboard", "ok       Kibana role auditship_kibana_analyst", "verified: ")
	if len(store.roles) != 1 || !store.users["elastic"] || len(store.users) != 1 {
		t.Errorf("roles %d, signed in as %v", len(store.roles), store.users)
	}

	store.edit()
	does("plan after an edit", plan, true, "! Kibana search", ": changed by a person, left alone without --force", "    columns")
	does("plan by force", plan, true, ": changed by a person, would be replaced by --force")
	does("install after an edit", install, true, ": changed by a person, left alone without --force")
	does("verify after an edit", verify, true, "unproven Kibana search", "as shipped: changed by a person (columns)", ", 1 unproven, documents are kept 180d")
	does("by force", install, true, "replaced Kibana search")
	does("plan at last", plan, true, "Kibana, space default: ")

	for name := range store.roles {
		store.roles[name] = []byte(`{"elasticsearch":{"cluster":["all"]}}`)
	}
	does("a role of a person's", install, true, "! Kibana role auditship_kibana_analyst: changed by a person, left alone")
	does("verify a role of a person's", verify, false, "FAILED   Kibana role auditship_kibana_analyst: as shipped: changed by a person (rights)")
}
