package cli

import (
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	got := runMain("version")
	line := regexp.MustCompile(`^auditship \S+ \(commit \S+, .+\) go\S+ ` + runtime.GOOS + "/" + runtime.GOARCH + "\n$")
	if got.code != exitDone || got.stderr != "" || !line.MatchString(got.stdout) {
		t.Errorf("%+v", got)
	}
}

func TestVersionFromGo(t *testing.T) {
	info := &debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}},
	}
	if got := versionLine(info, true); !strings.HasPrefix(got, "auditship v1.2.3 (commit abc, 2026-01-02T03:04:05Z) ") {
		t.Error(got)
	}
	if got := versionLine(nil, false); !strings.HasPrefix(got, "auditship (devel) (commit unknown, date unknown) ") {
		t.Error(got)
	}
}
