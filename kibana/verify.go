package kibana

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/auditship/auditship/exporter/install"
)

// Finding is the state of one object.
type Finding struct {
	Type, ID, Title string
	State           install.State
	// Differs names what is not as shipped, for example "columns", "filters".
	// It is empty for install.Current and install.Missing.
	Differs []string
}

// Report has a finding for each object of the bundle, in its order.
type Report []Finding

// In returns the findings in any of the states.
func (r Report) In(states ...install.State) Report {
	var found Report
	for _, f := range r {
		if slices.Contains(states, f.State) {
			found = append(found, f)
		}
	}
	return found
}

// Verify compares what is in Kibana with the bundle. It changes nothing.
//
// How it tells whose change it sees: an object is reduced to what it shows
// (titles, columns, filters, panels, ...), in a form that Kibana's migrations
// leave alone. If that is as shipped, the object is Current. If its hash is
// among the hashes of earlier releases, which are kept in fingerprints.json,
// it is Outdated. Otherwise somebody changed it. Widths, row heights and colours
// are each user's own; they count only where they are still as an earlier release
// had them, which makes the object Outdated too.
func (c *Client) Verify(ctx context.Context) (Report, error) {
	shipped, err := Objects()
	if err != nil {
		return nil, err
	}
	known, err := knownForms()
	if err != nil {
		return nil, err
	}
	there, err := c.read(ctx, shipped)
	if err != nil {
		return nil, err
	}
	return compare(shipped, there, known)
}

// Apply imports what is missing or outdated, and with force what was changed,
// and leaves the rest alone. The report is of what it found before.
func (c *Client) Apply(ctx context.Context, force bool) (Report, error) {
	report, err := c.Verify(ctx)
	if err != nil {
		return nil, err
	}
	due := report.In(install.Missing, install.Outdated)
	if force {
		due = report.In(install.Missing, install.Outdated, install.Changed)
	}
	if len(due) == 0 {
		return report, nil
	}
	shipped, err := Objects()
	if err != nil {
		return nil, err
	}
	var objects []Object
	for _, o := range shipped {
		if slices.ContainsFunc(due, func(f Finding) bool { return f.Type == o.Type && f.ID == o.ID }) {
			objects = append(objects, o)
		}
	}
	return report, c.importObjects(ctx, objects, true)
}

// compare makes the report. there holds the objects found, by their id in the
// bundle.
func compare(shipped []Object, there map[Reference]Object, known forms) (Report, error) {
	ids := idMap{}
	for ours, o := range there {
		ids[Reference{Type: o.Type, ID: o.ID}] = ours.ID
	}
	report := make(Report, 0, len(shipped))
	for _, o := range shipped {
		want, err := facetsOf(o, nil)
		if err != nil {
			return nil, err
		}
		f := Finding{Type: o.Type, ID: o.ID, State: install.Missing}
		f.Title, _ = want["title"].(string) // each type has one
		if found, ok := there[Reference{Type: o.Type, ID: o.ID}]; ok {
			f.State, f.Differs = judge(o, want, found, ids, known)
		}
		report = append(report, f)
	}
	return report, nil
}

func judge(shipped Object, want facets, found Object, ids idMap, known forms) (install.State, []string) {
	got, err := facetsOf(found, ids)
	if err != nil { // a form that this release does not know: not ours to overwrite
		return install.Changed, []string{"form"}
	}
	key := shipped.Type + ":" + shipped.ID
	differs := want.differs(got)
	if len(differs) == 0 {
		if look := lookOf(found); look != lookOf(shipped) && slices.Contains(known.looks[key], look) {
			return install.Outdated, []string{"look"}
		}
		return install.Current, nil
	}
	if hash, err := got.fingerprint(); err == nil && slices.Contains(known.fingerprints[key], hash) {
		return install.Outdated, differs
	}
	return install.Changed, differs
}

// forms are the hashes of each object in this and earlier releases, by "type:id":
// of what it shows, and of how it looks.
type forms struct{ fingerprints, looks map[string][]string }

func knownForms() (forms, error) {
	var known forms
	for _, part := range []struct {
		text []byte
		out  *map[string][]string
	}{{fingerprints, &known.fingerprints}, {looks, &known.looks}} {
		if err := json.Unmarshal(part.text, part.out); err != nil {
			return forms{}, fmt.Errorf("read the embedded fingerprints: %w", err)
		}
	}
	return known, nil
}

// read finds the objects in Kibana and returns them by their id in the bundle.
// In a space where that id was taken in another space, Kibana gave the objects
// other ids and remembers ours as the origin.
func (c *Client) read(ctx context.Context, shipped []Object) (map[Reference]Object, error) {
	wanted := make([]Reference, 0, len(shipped))
	for _, o := range shipped {
		wanted = append(wanted, Reference{Type: o.Type, ID: o.ID})
	}
	objects, err := c.exportByID(ctx, wanted)
	if err != nil {
		return nil, err
	}
	if len(objects) < len(wanted) {
		copies, err := c.exportCopies(ctx)
		if err != nil {
			return nil, err
		}
		objects = append(objects, copies...)
	}
	there := map[Reference]Object{}
	for _, o := range objects {
		for _, id := range []string{o.OriginID, o.ID} { // the object with our own id wins
			if ref := (Reference{Type: o.Type, ID: id}); slices.Contains(wanted, ref) {
				if _, taken := there[ref]; !taken || id == o.ID {
					there[ref] = o
				}
			}
		}
	}
	return there, nil
}

// exportByID exports those of the objects that exist. The export API refuses
// the whole request if one does not, and names those.
func (c *Client) exportByID(ctx context.Context, wanted []Reference) ([]Object, error) {
	objects, absent, err := c.export(ctx, map[string]any{"objects": wanted})
	if err != nil || len(absent) == 0 {
		return objects, err
	}
	rest := slices.DeleteFunc(slices.Clone(wanted), func(r Reference) bool { return slices.Contains(absent, r) })
	if len(rest) == 0 {
		return nil, nil
	}
	objects, absent, err = c.export(ctx, map[string]any{"objects": rest})
	if err == nil && len(absent) > 0 { // deleted between the two requests, or an odd answer
		err = &Error{Op: "read objects", Status: http.StatusBadRequest, Message: absent[0].Type + " " + absent[0].ID + " is not found"}
	}
	return objects, err
}

// exportCopies exports every dashboard and saved search that has the vendor's
// name in its title, with all that they refer to.
func (c *Client) exportCopies(ctx context.Context) ([]Object, error) {
	objects, _, err := c.export(ctx, map[string]any{
		"type": []string{"dashboard", "search"}, "search": "API7", "includeReferencesDeep": true,
	})
	return objects, err
}

// export calls the export API. absent are the objects that it did not find.
func (c *Client) export(ctx context.Context, what map[string]any) (objects []Object, absent []Reference, err error) {
	what["excludeExportDetails"] = true
	body, err := json.Marshal(what)
	if err != nil {
		return nil, nil, fmt.Errorf("kibana: read objects: %w", err)
	}
	answer, err := c.call(ctx, request{
		op: "read objects", method: http.MethodPost, path: "/api/saved_objects/_export",
		contentType: "application/json", body: body,
	})
	var refused *Error
	if errors.As(err, &refused) && len(refused.absent) > 0 {
		return nil, refused.absent, nil
	}
	if err != nil {
		return nil, nil, err
	}
	objects, err = parseObjects(answer)
	if err != nil {
		return nil, nil, &Error{Op: "read objects", Status: http.StatusOK, Message: err.Error()}
	}
	return objects, nil, nil
}
