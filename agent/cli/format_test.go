package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files as people have them go through mask and import, by name and as standard input.
func TestFilesInOtherFormats(t *testing.T) {
	for name, tt := range map[string]struct {
		content string
		flags   []string
	}{
		"gbk.csv":    {"id,event_time,event_type,operator.username,http_request.body\nx0,2026-11-28T10:00:00Z,AddRoute,\xd4\xcb\xce\xac,\"{\"\"password\"\":\"\"canary\"\"}\"\n", []string{"--encoding", "GBK"}},
		"cri.log":    {`2026-11-28T10:00:00.1Z stdout F {"id":"x0","event_time":"2026-11-28T10:00:00Z","operator":{"username":"运维"},"http_request":{"body":{"password":"canary"}}}` + "\n", nil},
		"named.log":  {`2026-11-28T10:00:00.1Z stdout F {"id":"x0","event_time":"2026-11-28T10:00:00Z","operator":{"username":"运维"},"http_request":{"body":{"password":"canary"}}}` + "\n", []string{"--unwrap", "cri"}},
		"utf16.json": {"\xfe\xff" + wide(`{"id":"x0","event_time":"2026-11-28T10:00:00Z","operator":{"username":"`) + "\x8f\xd0\x7e\xf4" + wide(`"},"http_request":{"body":{"password":"canary"}}}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range [][]string{{"mask", path}, {"mask", "-"}, {"import", "--dry-run", path}, {"import", "--dry-run", "-"}} {
				r := runWith(tt.content, append(command, tt.flags...)...)
				if r.code != exitDone || !strings.Contains(r.stdout, "运维") || !strings.Contains(r.stdout, "x0") || strings.Contains(r.stdout+r.stderr, "canary") {
					t.Errorf("%v: exit code %d\n%s%s", command, r.code, r.stdout, r.stderr)
				}
			}
		})
	}
}

func wide(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(0)
		b.WriteByte(text[i])
	}
	return b.String()
}

func TestMistakenFormats(t *testing.T) {
	for _, flags := range [][]string{{"--encoding", "klingon"}, {"--encoding", "iso-2022-jp"}, {"--unwrap", "paper"}} {
		for _, command := range [][]string{{"mask"}, {"import", "--dry-run", "-"}} {
			if r := runWith("", append(command, flags...)...); r.code != exitMisused || !strings.Contains(r.stderr, flags[0]) || !strings.Contains(r.stderr, flags[1]) {
				t.Errorf("%v %v: exit code %d: %s", command, flags, r.code, r.stderr)
			}
		}
	}
}
