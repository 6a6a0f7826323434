package ecs

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"testing"
	"unicode/utf8"
)

// What a glance lets pass, the flattener lets pass too, as it stands.
func FuzzGlanceIsNeverWrong(f *testing.F) {
	for _, seed := range []string{
		`{"name":"httpbin","upstream":{"nodes":[{"host":"10.0.1.2","port":80,"weight":1}]},"ok":true}`,
		`{"a":1,"a":2}`, `{"a":{"b":1},"b":1}`, `{"a" :1,"a":2}`, "{\"a\"\t:1,\"a\":2}", `{"a.b":1}`, `{"":1}`, `{" ":1}`, `{"a":["b","b",{"c":1,"c":2}]}`,
		`{"aaaaaaaa_one_bbbbbbbb":1,"aaaaaaaa_two_bbbbbbbb":2}`, `{"a": 1, "b": [ 2 ]}`, `{}`, `[{"a":1}]`, `{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}}}}`,
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"k":1,"l":2,"m":3,"n":4,"o":5,"p":6,"q":7,"r":8,"a":9}`,
		"{\"a\":0\x01\"b\":1}", `{"a":[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}`, `{"é":1}`, `{"a":11111111111111111111}`,
	} {
		f.Add([]byte(seed))
	}
	var q quoter
	var g glance
	flat := flattener{quoter: &q, seed: maphash.MakeSeed()}
	f.Fuzz(func(t *testing.T, v []byte) {
		v = bytes.TrimSpace(v)
		if !json.Valid(v) {
			if len(v) > 0 {
				g.plain(v) // must come back
			}
			return
		}
		q = quoter{valid: utf8.Valid(v), escapes: bytes.IndexByte(v, '\\') >= 0}
		if !q.isPlain(v) || !g.plain(v) {
			return
		}
		if !flat.judge(v, place{}) || !flat.plain {
			t.Fatalf("%s is not plain", v)
		}
	})
}

// The usual body is seen at a glance; without this, the fuzz test proves little.
func TestGlanceSeesTheUsual(t *testing.T) {
	var g glance
	for body, want := range map[string]bool{
		`{"name":"httpbin","upstream":{"nodes":[{"host":"10.0.1.2","port":80,"weight":1}]}}`: true,
		`{"a": 1, "b": {"a": [1, 2, "x"]}, "c": null}`:                                       true,
		`{"access_key_id":1,"access_key_secret":2}`:                                          true,
		`{"a":1,"a":2}`:       false,
		`{"a":{"b":1,"b":2}}`: false,
		`{"a" :1}`:            false,
		`{"":1}`:              false,
		`{"a.b":1}`:           false,
		`[{"a":1}]`:           false,
	} {
		if got := g.plain([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}
