package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const pageHeader = "Time,Operator,Event,Resource ID,Resource Name,IP Address,Source\n"

// numbered are records with ids. Two and two have the same time, as those of one click
// have, and only the last of them has a name of its resource.
func numbered(n int) string {
	var records strings.Builder
	for i := range n {
		fmt.Fprintf(&records, `{"id":"own-%d","event_time":%d,"event_type":"AddService","operator":{"id":"7","username":"Ops"},"resource_id":"s%d","ip_address":"203.0.113.7","source":"dashboard","http_request":{"method":"POST","uri":"/apisix/admin/services","body":{"name":"httpbin-%[3]d"}}}`+"\n", i, 1764000000+i/2, i)
	}
	return records.String()
}

// Records without an id, as in the page's CSV and in export without --details, are known
// by their fields where they came under their id before.
func TestImportKnowsRowsWithoutIDByTheirFields(t *testing.T) {
	d := newImportDesk(t)
	want(t, d.run(numbered(37), "-"), exitDone, "37 indexed")
	d.call("POST", "/_refresh", nil)
	path := filepath.Join(t.TempDir(), "page.csv")
	want(t, runMain("export", "-c", d.cfg, "--from", "2025-11-01", "--to", "2025-12-31", "-o", path), exitDone)
	for range 2 {
		want(t, d.run("", path), exitDone, "read 37 records: 0 indexed, 37 were there already (37 known by their fields), 0 rejected")
	}
	if n := len(d.sources()); n != 37 {
		t.Errorf("%d documents", n)
	}
	// The page's own: whole seconds, the display name, no name of the resource; one is new.
	page := pageHeader +
		"2025-11-24 16:00:00,Ops,Add Service,s0,,203.0.113.7,Dashboard\n" +
		"2025-11-24 16:00:00,Ops,Add Service,s1,httpbin-1,203.0.113.7,dashboard\n" +
		"2025-11-24 16:00:00,Ops,Delete Service,s1,httpbin-1,203.0.113.7,dashboard\n"
	file := d.write("page.csv", page)
	want(t, d.run("", file), exitDone, "read 3 records: 1 indexed, 2 were there already (2 known by their fields), 0 rejected")
	d.call("POST", "/_refresh", nil)
	want(t, d.run("", file), exitDone, "read 3 records: 0 indexed, 3 were there already (2 known by their fields), 0 rejected")
	d.wantCount(38)
}

// Of equal rows as many are new as there are more of them than of documents, also when
// they are imported again, in another file, or written otherwise.
func TestImportCountsEqualRows(t *testing.T) {
	d := newImportDesk(t)
	record := `{"id":"own-%d","event_time":1764000000,"event_type":"Login","operator":{"username":"Ops"},"ip_address":"203.0.113.7","source":"dashboard"}` + "\n"
	want(t, d.run(fmt.Sprintf(record, 1)+fmt.Sprintf(record, 2), "-"), exitDone, "2 indexed")
	d.call("POST", "/_refresh", nil)
	row := "2025-11-24 16:00:00,Ops,Login,,,203.0.113.7,dashboard\n"
	first := d.write("first.csv", pageHeader+strings.Repeat(row, 2))
	want(t, d.run("", first), exitDone, "read 2 records: 0 indexed, 2 were there already (2 known by their fields), 0 rejected")
	d.wantCount(2)
	more := d.write("more.csv", pageHeader+strings.Repeat(row, 5))
	want(t, d.run("", more), exitDone, "read 5 records: 3 indexed, 2 were there already (2 known by their fields), 0 rejected")
	d.wantCount(5)
	want(t, d.run("", more), exitDone, "read 5 records: 0 indexed, 5 were there already")
	want(t, d.run("", first), exitDone, "read 2 records: 0 indexed, 2 were there already")
	otherwise := d.write("otherwise.csv", pageHeader+strings.Repeat(strings.Replace(row, "16:00:00", "16:00:00Z", 1), 5))
	want(t, d.run("", otherwise), exitDone, "read 5 records: 0 indexed, 5 were there already (5 known by their fields), 0 rejected")
	want(t, d.run("", more, otherwise, first), exitDone, "read 12 records: 0 indexed, 12 were there already")
	d.wantCount(5)
}

// What differs in any of the columns, or in something else that both say, is new.
func TestImportTakesRowsThatDiffer(t *testing.T) {
	d := newImportDesk(t)
	want(t, d.run(numbered(1), "-"), exitDone, "1 indexed")
	d.call("POST", "/_refresh", nil)
	rows := pageHeader +
		"2025-11-24 16:00:01,Ops,Add Service,s0,httpbin-0,203.0.113.7,dashboard\n" +
		"2025-11-24 16:00:00,Dev,Add Service,s0,httpbin-0,203.0.113.7,dashboard\n" +
		"2025-11-24 16:00:00,,Add Service,s0,httpbin-0,203.0.113.7,dashboard\n" +
		"2025-11-24 16:00:00,Ops,Update Service,s0,httpbin-0,203.0.113.7,dashboard\n" +
		"2025-11-24 16:00:00,Ops,Add Service,s9,httpbin-0,203.0.113.7,dashboard\n" +
		"2025-11-24 16:00:00,Ops,Add Service,s0,other,203.0.113.7,dashboard\n" +
		"2025-11-24 16:00:00,Ops,Add Service,s0,httpbin-0,203.0.113.8,dashboard\n" +
		"2025-11-24 16:00:00,Ops,Add Service,s0,httpbin-0,203.0.113.7,api\n"
	want(t, d.run("", d.write("rows.csv", rows)), exitDone, "read 8 records: 8 indexed, 0 were there already, 0 rejected")
	want(t, d.run(strings.Replace(strings.Replace(numbered(1), `"id":"own-0",`, "", 1), "POST", "PUT", 1), "-"), exitDone, "1 indexed")
	known := d.write("known.csv", pageHeader+"2025-11-24 16:00:00,Ops,Add Service,s0,httpbin-0,203.0.113.7,dashboard\n")
	want(t, d.run("", "--gateway", "test", known), exitDone, "1 indexed")
	want(t, d.run("", known), exitDone, "1 were there already (1 known by their fields)")
	d.wantCount(11)
}

// Among more documents than one search finds, each row is still looked for.
func TestImportKnowsRowsAmongMany(t *testing.T) {
	d := newImportDesk(t)
	want(t, d.run(numbered(2500), "-"), exitDone, "2500 indexed")
	d.call("POST", "/_refresh", nil)
	var rows strings.Builder
	rows.WriteString(pageHeader)
	for i := 0; i < 2500; i += 50 {
		at := time.Unix(1764000000+int64(i/2), 0).UTC().Format(time.DateTime)
		fmt.Fprintf(&rows, "%s,Ops,Add Service,s%d,httpbin-%[2]d,203.0.113.7,dashboard\n", at, i)
	}
	rows.WriteString("2025-11-24 16:00:00,Ops,Add Service,new,,203.0.113.7,dashboard\n")
	want(t, d.run("", d.write("rows.csv", rows.String())), exitDone, "read 51 records: 1 indexed, 50 were there already (50 known by their fields), 0 rejected")
}

// wantCount checks how many documents the stream has.
func (d *importDesk) wantCount(n int) {
	d.t.Helper()
	d.call("POST", "/_refresh", nil)
	var answer struct{ Count int }
	d.call("GET", "/_count", &answer)
	if answer.Count != n {
		d.t.Errorf("%d documents, want %d", answer.Count, n)
	}
}
