package cli

import (
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	cfg := analystConfig(t)
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"by name, newest first": {[]string{"httpbin"}, []string{"Add Service by Ops (dashboard, 203.0.113.7): success\n", "Update Service by Dev"}},
		"by id, the latest":     {[]string{serviceHTTPBin, "-n", "1"}, []string{"2 operations before these; --limit 0 shows all"}},
		"as JSON, oldest first": {[]string{"httpbin", "--reverse", "--format", "json"}, []string{"[\n{\"time\":", `"ip_address":"203.0.113.7"`}},
		"of nothing":            {[]string{"HTTPBIN"}, []string{`Nothing was recorded of "HTTPBIN"`}},
		"in a period":           {[]string{"httpbin", "--last", "30h"}, []string{"Update Service by Dev"}},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, runMain(append([]string{"history", "-c", cfg}, c.args...)...), exitDone, c.says...)
		})
	}
	got := runMain("history", "-c", cfg, "httpbin")
	if first, second := strings.Index(got.stdout, "Add Service"), strings.Index(got.stdout, "Update Service"); first > second {
		t.Errorf("not newest first:\n%s", got.stdout)
	}
}

func TestHistoryRefusesWhatMakesNoSense(t *testing.T) {
	cfg := writeConfig(t, "elasticsearch: {urls: http://127.0.0.1:1}\n")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no resource":       {nil, exitMisused, "name one resource"},
		"two resources":     {[]string{"a", "b"}, exitMisused, "name one resource"},
		"format":            {[]string{"a", "--format", "xml"}, exitMisused, "must be text or json"},
		"limit":             {[]string{"a", "-n", "-1"}, exitMisused, "must not be negative"},
		"reverse and limit": {[]string{"a", "-n", "3", "--reverse"}, exitMisused, "reverse"},
		"nobody answers":    {[]string{"a"}, exitUnreachable, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, runMain(append([]string{"history", "-c", cfg}, c.args...)...), c.code, c.says)
		})
	}
}
