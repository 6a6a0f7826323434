package kibana

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/auditship/auditship/exporter/install"
)

// The roles shipped, each a file roles/NAME.json.
const (
	// AnalystRole may read the audit trail in Discover and on the dashboard
	// and make CSV reports, and nothing else. The CSV needs a licence above
	// Basic; below it the role still reads.
	AnalystRole = "auditship_kibana_analyst"
	// AnalystBasicRole is for the Basic licence, which grants CSV reports only
	// together with the right to save searches and dashboards.
	AnalystBasicRole = "auditship_kibana_analyst_basic"
	// InstallerRole is the least that Import, Verify and Apply need.
	InstallerRole = "auditship_kibana_installer"
)

// ErrRoleChanged means that a role of that name exists and is not as shipped.
var ErrRoleChanged = errors.New("the role exists and is not as shipped")

// role is the body of the role API.
type role struct {
	Elasticsearch struct {
		Cluster []string `json:"cluster"`
		Indices []struct {
			Names      []string `json:"names"`
			Privileges []string `json:"privileges"`
			// What a person may have added:
			FieldSecurity json.RawMessage `json:"field_security,omitempty"`
			Query         string          `json:"query,omitempty"`
		} `json:"indices"`
		RunAs []string `json:"run_as"`
	} `json:"elasticsearch"`
	Kibana []struct {
		Base    []string            `json:"base"`
		Feature map[string][]string `json:"feature"`
		Spaces  []string            `json:"spaces"`
	} `json:"kibana"`
}

// RoleNames lists the roles shipped.
func RoleNames() []string { return []string{AnalystRole, AnalystBasicRole, InstallerRole} }

// RoleBody returns the body of PUT /api/security/role/NAME for the default
// space.
func RoleBody(name string) ([]byte, error) {
	if !slices.Contains(RoleNames(), name) {
		return nil, fmt.Errorf("kibana: no role %q is shipped", name)
	}
	body, err := roles.ReadFile("roles/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("kibana: read the embedded role: %w", err)
	}
	return body, nil
}

// PutRole creates one of the shipped roles for the client's space. One that is there
// for other spaces keeps them. A role of that name with other rights is left alone,
// with ErrRoleChanged, unless force.
func (c *Client) PutRole(ctx context.Context, name string, force bool) error {
	want, err := c.roleFor(name)
	if err != nil {
		return err
	}
	have, err := c.role(ctx, name)
	if err != nil {
		return err
	}
	state, _ := want.compare(have)
	if state == install.Current {
		return nil
	}
	if !state.Due(force) {
		return fmt.Errorf("kibana: put role %s: %w", name, ErrRoleChanged)
	}
	want.in(append(have.spaces(), c.space))
	body, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("kibana: put role %s: %w", name, err)
	}
	_, err = c.call(ctx, request{op: "put role " + name, method: http.MethodPut, path: rolePath(name), contentType: "application/json", body: body})
	return err
}

func rolePath(name string) string { return "/api/security/role/" + url.PathEscape(name) }

// compare says how a role of that name, nil if there is none, stands to the one
// wanted, and which of its lines differ. One that is there for other spaces only is
// outdated: nobody changed it.
func (r *role) compare(have *role) (install.State, []string) {
	if have == nil {
		return install.Missing, nil
	}
	wanted, there := r.spaces(), have.spaces()
	same := *have
	same.Kibana = slices.Clone(have.Kibana)
	same.in(wanted)
	if !same.equal(r) {
		return install.Changed, []string{"rights"}
	}
	if slices.Contains(there, "*") || !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(there, s) }) {
		return install.Current, nil
	}
	return install.Outdated, []string{"spaces " + strings.Join(there, ", ") + ", and not " + strings.Join(wanted, ", ")}
}

// spaces lists the spaces that the role is for.
func (r *role) spaces() []string {
	var spaces []string
	if r != nil {
		for _, k := range r.Kibana {
			spaces = append(spaces, k.Spaces...)
		}
	}
	slices.Sort(spaces)
	return slices.Compact(spaces)
}

// in makes the role one for these spaces.
func (r *role) in(spaces []string) {
	slices.Sort(spaces)
	spaces = slices.Compact(spaces)
	for i := range r.Kibana {
		r.Kibana[i].Spaces = spaces
	}
}

// roleFor returns a shipped role for the client's space.
func (c *Client) roleFor(name string) (*role, error) {
	body, err := RoleBody(name)
	if err != nil {
		return nil, err
	}
	var r role
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, fmt.Errorf("kibana: read the embedded role: %w", err)
	}
	r.in([]string{c.space})
	return &r, nil
}

// role reads a role, nil if there is none.
func (c *Client) role(ctx context.Context, name string) (*role, error) {
	body, err := c.call(ctx, request{op: "read the role", method: http.MethodGet, path: rolePath(name)})
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r role
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, &Error{Op: "read the role", Status: http.StatusOK, Message: "the answer is not the role API's"}
	}
	return &r, nil
}

// equal compares the rights; the order of names is nothing.
func (r *role) equal(other *role) bool {
	a, errA := json.Marshal(r.sorted())
	b, errB := json.Marshal(other.sorted())
	return errA == nil && errB == nil && string(a) == string(b)
}

// sorted returns the rights as sorted lines.
func (r *role) sorted() []string {
	var lines []string
	add := func(kind string, names []string, what ...string) {
		names = slices.Clone(names)
		slices.Sort(names)
		lines = append(lines, kind+" "+strings.Join(names, ",")+" "+strings.Join(what, " "))
	}
	add("cluster", r.Elasticsearch.Cluster)
	add("run_as", r.Elasticsearch.RunAs)
	for _, i := range r.Elasticsearch.Indices {
		names := slices.Sorted(slices.Values(i.Names))
		add("indices", i.Privileges, strings.Join(names, ","), string(i.FieldSecurity), i.Query)
	}
	for _, k := range r.Kibana {
		spaces := strings.Join(slices.Sorted(slices.Values(k.Spaces)), ",")
		add("base", k.Base, spaces)
		for feature, privileges := range k.Feature {
			add("feature "+feature, privileges, spaces)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}
