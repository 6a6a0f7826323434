package api7sim

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestTheSameSeedMakesTheSameRecords(t *testing.T) {
	a, b, c := NewGenerator(1), NewGenerator(1), NewGenerator(2)
	at := time.Unix(1764000000, 0)
	same := true
	for range 300 {
		x, y, z := a.Next(at).JSON(), b.Next(at).JSON(), c.Next(at).JSON()
		if !bytes.Equal(x, y) {
			t.Fatalf("%s\n%s", x, y)
		}
		same = same && bytes.Equal(x, z)
	}
	if same {
		t.Error("another seed makes the same records")
	}
}

func TestEveryOperationComesUp(t *testing.T) {
	g := NewGenerator(1)
	seen := map[string]bool{}
	for range 3 * len(g.operations) {
		var request struct{ Method, URI string }
		r := g.Next(time.Unix(1764000000, 0))
		if err := json.Unmarshal(r.Request, &request); err != nil {
			t.Fatal(err)
		}
		seen[r.EventType] = true
	}
	for _, e := range EventTypes() {
		if !seen[e.Key] {
			t.Errorf("%s never came", e.Key)
		}
	}
}

func TestSecretsAreInTheRecords(t *testing.T) {
	g := NewGenerator(1)
	var all strings.Builder
	for range 500 {
		all.Write(g.Next(time.Unix(1764000000, 0)).JSON())
	}
	if len(g.Secrets()) < 200 {
		t.Fatalf("only %d secrets", len(g.Secrets()))
	}
	for _, s := range g.Secrets() {
		if !strings.Contains(all.String(), s) {
			t.Errorf("%s was not planted", s)
		}
	}
}

func TestNamesOfEvents(t *testing.T) {
	for name, want := range map[string]string{
		"POST /apisix/admin/services":         "Add Service",
		"DELETE /apisix/admin/ssls/{ssl_id}":  "Delete SSL",
		"GET /api/alert/policies":             "View Policy",
		"POST /api/login":                     "Login",
		"POST /api/settings/tokens":           "Add Token",
		"PUT /apisix/admin/routes/{route_id}": "Update Route",
	} {
		method, path, _ := strings.Cut(name, " ")
		if got := Find(method, path).Event.Name; got != want {
			t.Errorf("%s is called %q, not %q", name, got, want)
		}
	}
}
