package csvrows

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const at = "2026-11-28T10:00:00Z"

// cut lists what is found in the text of a CSV file, with what the configuration
// renames.
func cut(t *testing.T, text string, rename map[string]string) (found []string) {
	t.Helper()
	data := []byte(text)
	table, end, _ := Read(data, true, rename)
	if table == nil {
		return []string{"no CSV file"}
	}
	var r Rows
	var w Writer
	r.Reset(table, data, end, true)
	for r.Next() {
		if r.Reason != "" {
			found = append(found, string(r.Reason))
			continue
		}
		text := w.Append(nil, &r)
		if !json.Valid(text) {
			t.Errorf("no JSON: %s", text)
		}
		found = append(found, string(text))
	}
	return found
}

func TestDialects(t *testing.T) {
	one := []string{`{"id":"q1","event_time":"` + at + `","event_type":"Add, Route"}`}
	for name, text := range map[string]string{
		"comma":                "id,event_time,event_type\nq1," + at + ",\"Add, Route\"\n",
		"semicolon":            "id;event_time;event_type\nq1;" + at + ";Add, Route\n",
		"tab":                  "id\tevent_time\tevent_type\nq1\t" + at + "\tAdd, Route\n",
		"bar":                  "id|event_time|event_type\nq1|" + at + "|Add, Route\n",
		"bars with spaces":     "id | event_time | event_type\nq1 | " + at + " | Add, Route\n",
		"sep=":                 "sep=;\r\nid;event_time;event_type\r\nq1;" + at + ";Add, Route\r\n",
		"sep=, quoted":         "\"sep=;\"\nid;event_time;event_type\nq1;" + at + ";Add, Route\n",
		"SEP= of another sign": "\xef\xbb\xbfSEP=|\nid|event_time|event_type\nq1|" + at + "|Add, Route\n",
		"comment":              "# exported 2026-11-28\nid,event_time,event_type\nq1," + at + ",\"Add, Route\"\n",
		"title":                "Audit logs of gateway, exported by Ops\n\n\"From;To\"\n;;\nid;event_time;event_type\nq1;" + at + ";Add, Route\n",
		"title, then sep=":     "Audit logs\nsep=;\nid;event_time;event_type\nq1;" + at + ";Add, Route\n",
		"CR alone":             "id,event_time,event_type\rq1," + at + ",\"Add, Route\"\r",
		"CR, no last one":      "id,event_time,event_type\rq1," + at + ",\"Add, Route\"",
		"header ended by LF":   "id,event_time,event_type\nq1," + at + ",\"Add, Route\"\r",
		"header ended by CRLF": "id,event_time,event_type\r\n\rq1," + at + ",\"Add, Route\"\n\r",
		"columns without name": "id,event_time,event_type,,\nq1," + at + ",\"Add, Route\",,\n",
		"empty cells too many": "id,event_time,event_type\nq1," + at + ",\"Add, Route\",,,\n",
		"empty cells missing":  "id,event_time,event_type,resource_id,resource_name\nq1," + at + ",\"Add, Route\"\n",
		"spaces behind quotes": "\"id\" ,\"event_time\" ,\"event_type\"\n\"q1\" ,\"" + at + "\" ,\"Add, Route\" \n",
	} {
		if found := cut(t, text, nil); !slices.Equal(found, one) {
			t.Errorf("%s: %q", name, found)
		}
	}
}

func TestTitles(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want string
	}{
		"Chinese":           {"时间,操作者,事件,资源 ID,资源名称,IP 地址,来源\n" + at + ",运维,添加服务,a1,search,203.0.113.2,dashboard\n", `{"event_time":"` + at + `","operator":{"username":"运维"},"event_type":"添加服务","resource_id":"a1","resource_name":"search","ip_address":"203.0.113.2","source":"dashboard"}`},
		"Chinese, old":      {"时间,操作人,事件类型,资源ID,资源类型,IP地址\n" + at + ",运维,添加服务,a1,service,203.0.113.2\n", `{"event_time":"` + at + `","operator":{"username":"运维"},"event_type":"添加服务","resource_id":"a1","resource_type":"service","ip_address":"203.0.113.2"}`},
		"traditional":       {"時間,操作者,事件,資源 ID,資源名稱,IP 位址,來源\n" + at + ",a,b,c,d,e,f\n", `{"event_time":"` + at + `","operator":{"username":"a"},"event_type":"b","resource_id":"c","resource_name":"d","ip_address":"e","source":"f"}`},
		"mixed":             {"event_time,操作者,Event,资源 ID\n" + at + ",a,b,c\n", `{"event_time":"` + at + `","operator":{"username":"a"},"event_type":"b","resource_id":"c"}`},
		"a zone":            {"Time (UTC+08:00),Event\n2026-11-28 10:00:00,x\n", `{"event_time":"2026-11-28 10:00:00 +08:00","event_type":"x"}`},
		"a zone in Chinese": {"时间（UTC+8）,事件\n2026/11/28 上午10:00:00,x\n", `{"event_time":"2026/11/28 上午10:00:00 +8","event_type":"x"}`},
		"UTC":               {"Time (UTC),Event\n2026-11-28 10:00,x\n", `{"event_time":"2026-11-28 10:00 Z","event_type":"x"}`},
		"an offset":         {"Time [+0530],Event\n11/28/2026 10:00 AM,x\n", `{"event_time":"11/28/2026 10:00 AM +0530","event_type":"x"}`},
		"the cell's own":    {"Time (UTC+08:00),Event\n" + at + ",x\n", `{"event_time":"` + at + `","event_type":"x"}`},
		"a number":          {"Time (UTC+08:00),Event\n1795860000,x\n", `{"event_time":"1795860000","event_type":"x"}`},
		"other brackets":    {"Time (local),Event (type),Resource ID (UUID)\n2026-11-28 10:00:00,x,y\n", `{"event_time":"2026-11-28 10:00:00","event_type":"x","resource_id":"y"}`},
		"stands twice":      {"Time,Event,Event,Event\n" + at + ",a,b,c\n", `{"event_time":"` + at + `","event_type":"a","Event":"b","Event (2)":"c"}`},
	} {
		if found := cut(t, tt.text, nil); !slices.Equal(found, []string{tt.want}) {
			t.Errorf("%s: %q", name, found)
		}
	}
}

func TestRenamedColumns(t *testing.T) {
	rename := map[string]string{"When": "event_time", "who.login": "operator.username", "Event": "http_request.method", "payload": "http_request.body"}
	for name, tt := range map[string]struct{ text, want string }{
		"known by nothing else": {"When;who.login;x\n" + at + ";Ops;1\n", `{"When":"` + at + `","who.login":"Ops","x":"1"}`},
		"in another case":       {"WHEN;Who.Login\n" + at + ";Ops\n", `{"When":"` + at + `","who.login":"Ops"}`},
		"before a title":        {"Time,Event\n" + at + ",PUT\n", `{"event_time":"` + at + `","Event":"PUT"}`},
		"JSON stays JSON":       {"When\tpayload\n" + at + "\t\"{\"\"a\"\":1}\"\n", `{"When":"` + at + `","payload":{"a":1}}`},
	} {
		if found := cut(t, tt.text, rename); !slices.Equal(found, []string{tt.want}) {
			t.Errorf("%s: %q", name, found)
		}
	}
	if found := cut(t, "When,x\n"+at+",1\n", rename); found[0] != "no CSV file" {
		t.Errorf("one column is enough: %q", found)
	}
}

func TestWhatASpreadsheetHasSpoiled(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"ids":                  {"id,event_time,event_type\n1.23457E+17," + at + ",a\n\"1,23457E+17\"," + at + ",b\n1E+05," + at + ",c\n", []string{"spreadsheet", "spreadsheet", "spreadsheet"}},
		"of resources":         {"resource_id,event_time,event_type\n1.23457E+17," + at + ",a\n", []string{"spreadsheet"}},
		"what merely looks so": {"id,event_time\n1E5," + at + "\nE+17," + at + "\n1.2E+x," + at + "\n", []string{`{"id":"1E5","event_time":"` + at + `"}`, `{"id":"E+17","event_time":"` + at + `"}`, `{"id":"1.2E+x","event_time":"` + at + `"}`}},
		"other columns":        {"id,event_time,note\n1," + at + ",1.5E+3\n", []string{`{"id":"1","event_time":"` + at + `","note":"1.5E+3"}`}},
	} {
		if found := cut(t, tt.text, nil); !slices.Equal(found, tt.want) {
			t.Errorf("%s: %q", name, found)
		}
	}
}

func TestRowsOfAnotherLength(t *testing.T) {
	const header = "id,event_time,event_type,resource_name\n"
	record := func(id string) string { return `{"id":"` + id + `","event_time":"` + at + `","event_type":"a"}` }
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"short":                 {"1," + at + ",a\n2," + at + ",a\n3," + at + ",a,\n", []string{record("1"), record("2"), record("3")}},
		"short, last":           {"1," + at + ",a", []string{record("1")}},
		"its rest on a line":    {"1," + at + ",a\nb,more\n2," + at + ",a,\n", []string{"broken_row", "broken_row", record("2")}},
		"without a time":        {"1,2\n2," + at + ",a,\n", []string{"broken_row", record("2")}},
		"long":                  {"1," + at + ",a,b,c\n2," + at + ",a,\n", []string{"broken_row", record("2")}},
		"an inch":               {"1," + at + ",a,5\" pipe\n", []string{`{"id":"1","event_time":"` + at + `","event_type":"a","resource_name":"5\" pipe"}`}},
		"a word in quotes":      {"1," + at + ",a,the \"new\" one\n", []string{`{"id":"1","event_time":"` + at + `","event_type":"a","resource_name":"the \"new\" one"}`}},
		"torn in quotes":        {"1," + at + ",a,\"x\n2," + at + ",a,\n", []string{"broken_row", record("2")}},
		"half a quoted JSON":    {"1," + at + ",a,{\"\"x\"\":1}\"\n2," + at + ",a,\n", []string{"broken_row", record("2")}},
		"two rows on one line":  {"1," + at + ",a2," + at + ",a,\n3," + at + ",a,\n", []string{"broken_row", record("3")}},
		"a header in between":   {"1," + at + ",a\n" + header + "2," + at + ",a,\n", []string{record("1"), record("2")}},
		"blank lines and holes": {"\n \r\n1," + at + ",a,\n\x00\x00\n2," + at + ",a,\n", []string{record("1"), record("2")}},
	} {
		if found := cut(t, header+tt.text, nil); !slices.Equal(found, tt.want) {
			t.Errorf("%s: %q", name, found)
		}
	}
}

// Files that people have sent.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.csv")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := cut(t, string(data), nil)
		lines := len(strings.FieldsFunc(string(data), func(r rune) bool { return r == '\r' || r == '\n' }))
		if len(found) == 0 || len(found) >= lines || !strings.HasPrefix(found[0], "{") || !strings.Contains(found[0], `"event_time"`) {
			t.Errorf("%s: %q", path, found)
		}
	}
}

// Any line ends, wherever the stretches are cut, give the same rows.
func TestLineEndsDoNotDependOnTheCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text bytes.Buffer
		end := func() string { return rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "end") }
		text.WriteString("id,event_time,event_type" + end())
		n := rapid.IntRange(1, 20).Draw(t, "rows")
		for i := range n {
			text.WriteString(rapid.SampledFrom([]string{"a", `"b"`, `"c,"`}).Draw(t, "id") + string(rune('a'+i)) + "," + at + ",x" + end())
		}
		whole := strings.ReplaceAll(strings.ReplaceAll(text.String(), `"b"`, "b"), `"c,"`, "c")
		data := []byte(whole)
		table, from, _ := Read(data, true, nil)
		var r Rows
		got := 0
		for size := from; ; {
			size = min(len(data), size+rapid.IntRange(1, 60).Draw(t, "step"))
			final := size == len(data)
			r.Reset(table, data[from:size], 0, final)
			for r.Next() {
				if r.Reason != "" {
					t.Fatalf("%s at %d of %q", r.Reason, from+r.Start, whole)
				}
				got++
			}
			from += r.Pos
			if final {
				break
			}
		}
		if got != n {
			t.Fatalf("%d of %d rows of %q", got, n, whole)
		}
	})
}

func BenchmarkRows(b *testing.B) {
	line := []byte("5eed0000-0001-4000-8000-000000000000," + at + ",Add Service,Ops,\"{\"\"name\"\":\"\"httpbin\"\"}\"\n")
	data := append([]byte("id,event_time,event_type,operator,http_request.body\n"), bytes.Repeat(line, 3000)...)
	table, end, _ := Read(data, true, nil)
	var r Rows
	var w Writer
	var out []byte
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(table, data, end, true)
		for r.Next() {
			out = w.Append(out[:0], &r)
		}
	}
}
