package delivery

import (
	"fmt"
	"os"
	"strings"
	"testing"

	rpm "github.com/sassoftware/go-rpmutils"
)

// What an rpm puts where, for whom, and how.
func TestRPM(t *testing.T) {
	b := release(t)
	for arch, name := range map[string]string{"x86_64": "x86_64", "aarch64": "aarch64"} {
		t.Run(arch, func(t *testing.T) {
			f, err := os.Open(b.one(t, "*."+name+".rpm"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }() // only read from
			package_, err := rpm.ReadRpm(f)
			if err != nil {
				t.Fatal(err)
			}
			header := package_.Header
			id, err := header.GetNEVRA()
			if err != nil || id.Name != "auditship" || id.Arch != arch {
				t.Errorf("%v %v", id, err)
			}
			checkFiles(t, header)
			checkScripts(t, header)
		})
	}
}

// flagConfig and flagNoReplace are rpm's file flags of a configuration that an upgrade
// keeps.
const flagConfig, flagNoReplace = 1, 1 << 4

func checkFiles(t *testing.T, header *rpm.RpmHeader) {
	t.Helper()
	files, err := header.GetFiles()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range files {
		line := fmt.Sprintf("%o %s:%s", f.Mode()&0o7777, f.UserName(), f.GroupName())
		if f.Flags()&flagConfig != 0 {
			line += " config"
		}
		if f.Flags()&flagNoReplace != 0 {
			line += " kept"
		}
		got[f.Name()] = line
	}
	for name, want := range map[string]string{
		"/usr/bin/auditship":                                  "755 root:root",
		"/etc/auditship/auditship.yml":                        "640 root:auditship config kept",
		"/etc/auditship/masking.yml":                          "640 root:auditship config kept",
		"/usr/lib/systemd/system/auditship.service":           "644 root:root",
		"/usr/share/auditship/auditship.schema.json":          "644 root:root",
		"/usr/share/auditship/masking.schema.json":            "644 root:root",
		"/usr/share/man/man1/auditship.1.gz":                  "644 root:root",
		"/usr/share/man/man1/auditship-mask-test.1.gz":        "644 root:root",
		"/usr/share/bash-completion/completions/auditship":    "644 root:root",
		"/usr/share/zsh/site-functions/_auditship":            "644 root:root",
		"/usr/share/fish/vendor_completions.d/auditship.fish": "644 root:root",
		"/usr/share/licenses/auditship/LICENSE":               "644 root:root",
		"/usr/share/doc/auditship/auditship.cdx.json":         "644 root:root",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func checkScripts(t *testing.T, header *rpm.RpmHeader) {
	t.Helper()
	for tag, want := range map[int]string{
		rpm.PREIN: "useradd --system", rpm.POSTIN: "systemctl enable auditship.service",
		rpm.PREUN: "systemctl stop auditship.service", rpm.POSTUN: "systemctl try-restart auditship.service",
	} {
		script, err := header.GetString(tag)
		if err != nil || !strings.Contains(script, want) {
			t.Errorf("no %q in a script: %v", want, err)
		}
		if strings.Contains(script, "systemctl start") && !strings.Contains(script, "echo '  systemctl start") {
			t.Error("the service is started before it is configured")
		}
	}
}
