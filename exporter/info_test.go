package exporter

import (
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	tests := map[string]struct {
		text string
		want Version
		ok   bool
	}{
		"a release":    {"8.19.9", Version{8, 19, 9}, true},
		"no patch":     {"9.1", Version{9, 1, 0}, true},
		"a snapshot":   {"9.3.0-SNAPSHOT", Version{9, 3, 0}, true},
		"a beta":       {"9.0.0-beta1", Version{9, 0, 0}, true},
		"two digits":   {"10.11.12", Version{10, 11, 12}, true},
		"a word":       {"latest", Version{}, false},
		"one number":   {"8", Version{}, false},
		"four numbers": {"8.1.2.3", Version{}, false},
		"nothing":      {"", Version{}, false},
		"too large":    {"8.99999.0", Version{}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseVersion(tc.text)
			if got != tc.want || (err == nil) != tc.ok {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestSupported(t *testing.T) {
	tests := map[string]struct {
		info Info
		want bool
	}{
		"too old":              {Info{Version: Version{8, 11, 4}}, false},
		"far too old":          {Info{Version: Version{7, 17, 29}}, false},
		"just new enough":      {Info{Version: Version{8, 12, 0}}, true},
		"the next major":       {Info{Version: Version{9, 0, 0}}, true},
		"serverless says 8.11": {Info{Version: Version{8, 11, 0}, Serverless: true}, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := tc.info.Supported()
			if (err == nil) != tc.want {
				t.Errorf("got %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "8.12.0 or newer is needed") {
				t.Errorf("the error does not say which version is needed: %v", err)
			}
		})
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("8.19.9")
	f.Add("9.0.0-beta1")
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err != nil {
			return
		}
		if again, err := ParseVersion(v.String()); again != v || err != nil {
			t.Fatalf("%q is %v, which is read as %v, %v", s, v, again, err)
		}
		if !v.AtLeast(v) {
			t.Fatalf("%v is older than itself", v)
		}
	})
}
