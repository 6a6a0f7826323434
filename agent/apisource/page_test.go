package apisource

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestPages(t *testing.T) {
	var p pageParser
	for name, c := range map[string]struct {
		body    string
		total   int64
		records []string
	}{
		"two records":     {`{"total":2,"list":[{"id":"a"},{"id":"b"}]}`, 2, []string{`{"id":"a"}`, `{"id":"b"}`}},
		"as it stands":    {"{\"list\" : [ {\"id\" :\t\"a\", \"x\":1e3} ] , \"total\":1}", 1, []string{"{\"id\" :\t\"a\", \"x\":1e3}"}},
		"null":            {`{"total":0,"list":null}`, 0, nil},
		"no total":        {`{"list":[]}`, -1, nil},
		"odd total":       {`{"total":"7","list":[],"more":{"list":[1]}}`, -1, nil},
		"huge total":      {`{"total":99999999999999999999,"list":[]}`, -1, nil},
		"no records":      {`{"total":3,"list":[1,"x",null,[2]]}`, 3, []string{"1", `"x"`, "null", "[2]"}},
		"escaped names":   {`{"tot\u0061l":1,"\u006cist":[{"id":"a"}]}`, 1, []string{`{"id":"a"}`}},
		"the last counts": {`{"total":1,"total":2,"list":[1],"list":[2]}`, 2, []string{"2"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.parse([]byte(c.body))
			if err != nil || got.total != c.total || len(got.records) != len(c.records) {
				t.Fatalf("%v, total %d, %d records", err, got.total, len(got.records))
			}
			for i, r := range got.records {
				if string(r.Raw) != c.records[i] {
					t.Errorf("%s, not %s", r.Raw, c.records[i])
				}
			}
		})
	}
	for name, body := range map[string]string{
		"nothing": "", "no object": `[]`, "no list": `{"total":1}`, "list is none": `{"list":{}}`, "cut": `{"total":1,"list":[{"id":`,
		"something behind": `{"list":[]} x`, "broken record": `{"list":[{"id":}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := p.parse([]byte(body)); err == nil {
				t.Error("taken")
			}
		})
	}
}

func TestKeysOfRecords(t *testing.T) {
	var p pageParser
	keyOf := func(raw string) key {
		got, err := p.parse([]byte(`{"list":[` + raw + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		return got.records[0].key
	}
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"an id decides":           {`{"id":"a","x":1}`, `{"x":2,"id":"a"}`, true},
		"another id":              {`{"id":"a"}`, `{"id":"b"}`, false},
		"an escaped id":           {`{"id":"a"}`, `{"id":"\u0061"}`, true},
		"the last id":             {`{"id":"b","id":"a"}`, `{"id":"a"}`, true},
		"an id further in":        {`{"o":{"id":"a"},"x":1}`, `{"o":{"id":"a"},"x":2}`, false},
		"the text without an id":  {`{"x":1}`, `{"x":1}`, true},
		"an empty id is none":     {`{"id":"","x":1}`, `{"id":"","x":2}`, false},
		"null is none":            {`{"id":null,"x":1}`, `{"id":null,"x":2}`, false},
		"a number and its digits": {`{"id":7}`, `{"id":"7"}`, true},
		"an id is not a text":     {`{"id":"x"}`, `"x"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := keyOf(c.a) == keyOf(c.b); got != c.same {
				t.Errorf("same: %v", got)
			}
		})
	}
	got, err := p.parse([]byte(`{"list":[{"x":1},{"x":1}]}`))
	if err != nil || got.records[0].key == got.records[1].key {
		t.Error("equal records without an id are two in one answer")
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]struct {
		at     int64
		coarse bool
	}{
		"1795176000":               {1795176000000, true},
		"1795176000123":            {1795176000123, false},
		"1795176000123456":         {1795176000123, false},
		"1795176000123456789":      {1795176000123, false},
		"1795176000.5":             {1795176000500, false},
		"1.795176e9":               {1795176000000, false},
		"2026-11-20T12:00:00.123Z": {1795176000123, false},
		"":                         {0, false},
		"0":                        {0, false},
		"-5":                       {0, false},
		"soon":                     {0, false},
		"NaN":                      {0, false},
		"1e300":                    {0, false},
	} {
		if at, coarse := readTime([]byte(text)); at != want.at || coarse != want.coarse {
			t.Errorf("%q: %d, %v", text, at, coarse)
		}
	}
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"total":2,"list":[{"id":"a","event_time":1795176000},{"id":"b","event_type":"x"}]}`))
	f.Add([]byte(`{"total":0,"list":null,"x":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p pageParser
		got, err := p.parse(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatal("broken JSON was taken")
		}
		for _, r := range got.records {
			if !json.Valid(r.Raw) || !bytes.Contains(body, r.Raw) || r.At < 0 {
				t.Errorf("record %q at %d", r.Raw, r.At)
			}
		}
	})
}
