package kibana

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/install"
	"github.com/auditship/auditship/exporter/peer"
)

// results lists what a proof came to, without what is ok.
func results(t *testing.T, c *Client) []string {
	t.Helper()
	checks, err := NewTarget(c).Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, x := range checks {
		if x.Result != install.OK {
			list = append(list, x.String())
		}
	}
	return list
}

func applied(t *testing.T, c *Client, force bool) []string {
	t.Helper()
	var steps []string
	if err := NewTarget(c).Apply(t.Context(), force, func(s string) { steps = append(steps, s) }); err != nil {
		t.Fatal(err)
	}
	return steps
}

func TestTargetSecondRunChangesNothing(t *testing.T) {
	k := newFakeKibana(t)
	c := k.client()
	if missing := results(t, c); len(missing) != len(mustObjects(t))+1 || !strings.HasPrefix(missing[0], "FAILED   Kibana ") {
		t.Errorf("of an empty Kibana verify says %q", missing)
	}
	if steps := applied(t, c, false); len(steps) != len(mustObjects(t))+1 || steps[len(steps)-1] != "created Kibana role "+AnalystRole {
		t.Errorf("first run: %q", steps)
	}
	if steps := applied(t, c, true); len(steps) != 0 {
		t.Errorf("second run: %q", steps)
	}
	if bad := results(t, c); len(bad) != 0 {
		t.Errorf("verify: %q", bad)
	}
}

// Kibana imports into a space that does not exist, and says that all is well.
func TestSpaceThatIsNotThere(t *testing.T) {
	k := newFakeKibana(t)
	k.prefix = "/s/oops"
	c := k.client(func(o *Options) { o.Space = "oops" })
	err := NewTarget(c).Apply(t.Context(), true, func(string) { t.Error("something was done") })
	var refused *Error
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), `there is no space "oops"`) || errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if k.count() != 0 {
		t.Error("objects were imported")
	}
}

// The role of the first space gets the second one, and nobody is said to have
// changed it.
func TestRoleInASecondSpace(t *testing.T) {
	k := newFakeKibana(t)
	k.spaces = []string{"ops"}
	first := k.client()
	applied(t, first, false)
	k.prefix = "/s/ops"
	second := k.client(func(o *Options) { o.Space = "ops" })
	plan, err := NewTarget(second).Plan(t.Context())
	if last := plan.Items[len(plan.Items)-1]; err != nil || last.State != Outdated || last.Details[0] != "spaces default, and not ops" {
		t.Errorf("%+v, %v", last, err)
	}
	if steps := applied(t, second, false); !slices.Contains(steps, "updated Kibana role "+AnalystRole) {
		t.Errorf("%q", steps)
	}
	if spaces := strict[role](t, k.roles[AnalystRole]).Kibana[0].Spaces; !slices.Equal(spaces, []string{"default", "ops"}) {
		t.Errorf("the role is for %q", spaces)
	}
	if bad := results(t, second); len(bad) != 0 {
		t.Errorf("verify: %q", bad)
	}
	k.prefix = ""
	if bad := results(t, first); len(bad) != 0 {
		t.Errorf("verify in the first space: %q", bad)
	}
}

// Who may import and not manage roles is told so, and the import is done.
func TestInstallerWithoutRightsOnRoles(t *testing.T) {
	k := newFakeKibana(t)
	k.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/api/security/role/") {
			return false
		}
		k.fail(w, 403, "Forbidden")
		return true
	}
	c := k.client()
	steps := applied(t, c, false)
	if last := steps[len(steps)-1]; len(steps) != len(mustObjects(t))+1 || last != "left alone Kibana role "+AnalystRole+": "+needsSecurity {
		t.Errorf("%q", steps)
	}
	if bad := results(t, c); len(bad) != 1 || bad[0] != "unproven Kibana role "+AnalystRole+": as shipped: "+needsSecurity {
		t.Errorf("%q", bad)
	}
	if plan, err := NewTarget(c).Plan(t.Context()); err != nil || len(plan.Notes) != 1 {
		t.Errorf("%+v, %v", plan.Notes, err)
	}
}

// While Kibana starts it answers 503 with a page; that is no login page.
func TestKibanaThatStarts(t *testing.T) {
	page := func(k *fakeKibana, times int) {
		k.answer = func(w http.ResponseWriter, _ *http.Request) bool {
			times--
			if times < 0 {
				return false
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
	}
	k := newFakeKibana(t)
	page(k, 20)
	if steps := applied(t, k.client(func(o *Options) { o.Starting = time.Minute; o.startingPause = time.Millisecond }), false); len(steps) == 0 {
		t.Error("nothing was done")
	}
	k = newFakeKibana(t)
	page(k, 1<<30)
	_, err := NewTarget(k.client(func(o *Options) { o.Starting = time.Millisecond })).Plan(t.Context())
	if !errors.Is(err, peer.ErrUnreachable) || !strings.Contains(err.Error(), "it is starting, or not well") {
		t.Errorf("%v", err)
	}
}

func TestAddressThatIsNotKibanas(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		says   string
	}{
		"a base path is missing": {404, `{"statusCode":404,"error":"Not Found","message":"Not Found"}`, "if Kibana has a server.basePath, kibana.url has to end in it"},
		"something else":         {200, `{"tagline":"You Know, for Search"}`, "the answer is not Kibana's"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newFakeKibana(t)
			k.answer = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body)) // the client may be gone
				return true
			}
			if _, err := NewTarget(k.client()).Verify(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A dashboard that a person opened and saved is as it was: Kibana moves titles of
// panels and adds a default. A title that a person changed is seen at both places.
func TestDashboardThatKibanaSavedAgain(t *testing.T) {
	k := newFakeKibana(t)
	c := k.client()
	applied(t, c, false)
	saved := func(title func(string) string) {
		for ref, o := range k.objects {
			if o.Type != "dashboard" {
				continue
			}
			attributes := map[string]any{}
			if err := json.Unmarshal(o.Attributes, &attributes); err != nil {
				t.Fatal(err)
			}
			var panels []map[string]any
			if err := json.Unmarshal([]byte(attributes["panelsJSON"].(string)), &panels); err != nil {
				t.Fatal(err)
			}
			for _, p := range panels {
				config := p["embeddableConfig"].(map[string]any)
				was, _ := config["title"].(string)
				if moved, ok := p["title"].(string); ok {
					was = moved
				}
				delete(config, "title")
				config["hidePanelTitles"] = false
				if was != "" {
					p["title"] = title(was)
				}
			}
			text, err := json.Marshal(panels)
			if err != nil {
				t.Fatal(err)
			}
			attributes["panelsJSON"] = string(text)
			if o.Attributes, err = json.Marshal(attributes); err != nil {
				t.Fatal(err)
			}
			k.objects[ref] = o
		}
	}
	saved(func(title string) string { return title })
	if bad := results(t, c); len(bad) != 0 {
		t.Errorf("saved unchanged: %q", bad)
	}
	saved(func(title string) string { return title + "!" })
	if bad := results(t, c); len(bad) == 0 || !strings.Contains(bad[0], "changed by a person (panels)") {
		t.Errorf("saved with other titles: %q", bad)
	}
}
