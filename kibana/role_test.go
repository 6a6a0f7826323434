package kibana

import (
	"errors"
	"slices"
	"testing"
)

func TestRolesGrantWhatTheyAreForAndNoMore(t *testing.T) {
	for name, want := range map[string][]string{
		AnalystRole: {
			"base  default", "cluster  ", "feature dashboard download_csv_report,read default",
			"feature discover generate_report,read default",
			"indices read,view_index_metadata logs-api7.audit-*  ", "run_as  ",
		},
		AnalystBasicRole: {
			"base  default", "cluster  ", "feature dashboard all default", "feature discover all default",
			"indices read,view_index_metadata logs-api7.audit-*  ", "run_as  ",
		},
		InstallerRole: {"base  default", "cluster  ", "feature savedObjectsManagement all default", "run_as  "},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := RoleBody(name)
			if err != nil {
				t.Fatal(err)
			}
			r := strict[role](t, body)
			if got := r.sorted(); !slices.Equal(got, want) {
				t.Errorf("rights\n%q, want\n%q", got, want)
			}
		})
	}
}

func TestPutRole(t *testing.T) {
	k := newFakeKibana(t)
	k.prefix = "/s/audit"
	c := k.client(func(o *Options) { o.Space = "audit" })
	if err := c.PutRole(t.Context(), AnalystRole, false); err != nil {
		t.Fatal(err)
	}
	want := []string{"GET /s/audit/api/security/role/auditship_kibana_analyst", "PUT /s/audit/api/security/role/auditship_kibana_analyst"}
	if got := k.sent(); !slices.Equal(got, want) {
		t.Errorf("requests %q", got)
	}
	put := strict[role](t, k.roles[AnalystRole])
	if len(put.Kibana) != 1 || !slices.Equal(put.Kibana[0].Spaces, []string{"audit"}) {
		t.Errorf("the role is for the spaces %+v", put.Kibana)
	}

	// Kibana lists rights in its own order and adds members of its own.
	k.roles[AnalystRole] = []byte(`{"name":"auditship_kibana_analyst","metadata":{},"transient_metadata":{"enabled":true},
		"elasticsearch":{"cluster":[],"indices":[{"names":["logs-api7.audit-*"],"privileges":["view_index_metadata","read"],"allow_restricted_indices":false}],"run_as":[]},
		"kibana":[{"base":[],"feature":{"dashboard":["download_csv_report","read"],"discover":["generate_report","read"]},"spaces":["audit"]}],
		"_transform_error":[],"_unrecognized_applications":[]}`)
	if err := c.PutRole(t.Context(), AnalystRole, false); err != nil {
		t.Fatal(err)
	}
	if got := k.sent(); len(got) != 1 {
		t.Errorf("requests %q for a role that is as it should be", got)
	}
}

func TestPutRoleLeavesAChangedRoleUnlessForced(t *testing.T) {
	k := newFakeKibana(t)
	c := k.client()
	changed := `{"elasticsearch":{"cluster":[],"indices":[{"names":["logs-api7.audit-*"],"privileges":["read"],"query":"{\"term\":{\"user.name\":\"Ops\"}}"}],"run_as":[]},"kibana":[]}`
	k.roles[AnalystRole] = []byte(changed)
	if err := c.PutRole(t.Context(), AnalystRole, false); !errors.Is(err, ErrRoleChanged) || string(k.roles[AnalystRole]) != changed {
		t.Errorf("error %v", err)
	}
	if err := c.PutRole(t.Context(), AnalystRole, true); err != nil || string(k.roles[AnalystRole]) == changed {
		t.Errorf("error %v", err)
	}
}

func TestRoleThatIsNotShipped(t *testing.T) {
	k := newFakeKibana(t)
	if err := k.client().PutRole(t.Context(), "../user/elastic", true); err == nil || len(k.sent()) != 0 {
		t.Errorf("error %v", err)
	}
}
