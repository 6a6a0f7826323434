package delivery

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// built is a release in a folder of its own; TestMain builds it twice.
type built struct {
	root string // the source tree
	err  error
	log  []byte
}

var first, second built

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	work, err := os.MkdirTemp("", "auditship-delivery")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(work) }() // the tests passed or failed already
	source, err := filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	first = build(source, filepath.Join(work, "first"))
	if first.err == nil {
		// Elsewhere, with other habits.
		second = build(first.root, filepath.Join(work, "elsewhere", "and", "second"), "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8", "UMASK=077")
	}
	return m.Run()
}

// build makes a release of a copy of the source tree, with what is not committed there.
func build(source, root string, environ ...string) built {
	b := built{root: root}
	cmd := exec.Command("bash", "testdata/build.sh", source, root)
	cmd.Env = append(os.Environ(), environ...)
	b.log, b.err = cmd.CombinedOutput()
	return b
}

// release is the first release, or the end of the test.
func release(t *testing.T) built {
	t.Helper()
	for _, b := range []built{first, second} {
		if b.err != nil {
			t.Fatalf("build a release: %v\n%s", b.err, b.log)
		}
	}
	return first
}

func (b built) path(parts ...string) string {
	return filepath.Join(append([]string{b.root}, parts...)...)
}

// one is the only file of a name.
func (b built) one(t *testing.T, glob string) string {
	t.Helper()
	found, err := filepath.Glob(b.path("dist", glob))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v %v", glob, found, err)
	}
	return found[0]
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// run runs a command that has to succeed and returns what it printed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The same commit, built in another folder, time zone and with another umask, gives the
// same bytes: binaries, packages, archives, bills of materials.
func TestTheSameCommitGivesTheSameBytes(t *testing.T) {
	release(t)
	sums := read(t, first.path("dist", "SHA256SUMS"))
	if again := read(t, second.path("dist", "SHA256SUMS")); !bytes.Equal(sums, again) {
		t.Errorf("once\n%s\nand once\n%s", sums, again)
	}
	for _, name := range []string{"amd64.deb", "arm64.deb", "x86_64.rpm", "aarch64.rpm",
		"linux_amd64.tar.gz", "linux_arm64.tar.gz", "linux_amd64.cdx.json", "linux_arm64.cdx.json"} {
		if !bytes.Contains(sums, []byte(name+"\n")) {
			t.Errorf("%s is not in the release:\n%s", name, sums)
		}
	}
	if n := bytes.Count(sums, []byte("\n")); n != 8 {
		t.Errorf("%d files in the release", n)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		binary := filepath.Join("bin", "stage", "linux_"+arch, "auditship")
		if !bytes.Equal(read(t, first.path(binary)), read(t, second.path(binary))) {
			t.Errorf("%s differs", binary)
		}
	}
}

// A binary is static, for its machine, and holds no path of the one that built it.
func TestBinariesAreStatic(t *testing.T) {
	b := release(t)
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		path := b.path("bin", "stage", "linux_"+arch, "auditship")
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine {
			t.Errorf("%s is for %v", arch, f.Machine)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("%s needs a loader", arch)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if bytes.Contains(read(t, path), []byte(b.root)) {
			t.Errorf("%s names the folder it was built in", arch)
		}
	}
}

// The bill of materials names what is in the binary.
func TestBillOfMaterials(t *testing.T) {
	b := release(t)
	var bill struct {
		BOMFormat string `json:"bomFormat"`
		Metadata  struct {
			Component struct{ Name, Version string }
		}
		Component []struct{ Name, Version string } `json:"components"`
	}
	if err := json.Unmarshal(read(t, b.one(t, "*linux_amd64.cdx.json")), &bill); err != nil {
		t.Fatal(err)
	}
	if bill.BOMFormat != "CycloneDX" || bill.Metadata.Component.Name != "github.com/auditship/auditship" {
		t.Errorf("%s of %s", bill.BOMFormat, bill.Metadata.Component.Name)
	}
	names := map[string]bool{}
	for _, c := range bill.Component {
		names[c.Name] = c.Version != ""
	}
	modules := run(t, "go", "version", "-m", b.path("bin", "stage", "linux_amd64", "auditship"))
	deps := regexp.MustCompile(`(?m)^\tdep\t(\S+)`).FindAllStringSubmatch(modules, -1)
	if len(deps) < 10 {
		t.Fatalf("only %d modules in the binary", len(deps))
	}
	for _, dep := range deps {
		if !names[dep[1]] {
			t.Errorf("%s is not on it", dep[1])
		}
	}
	if !names["std"] {
		t.Error("Go's own library is not on it")
	}
}

// Other systems are not published, and compile: the agent and all that it needs, from
// the source. Only the writing of machine code is left out, which takes minutes.
func TestOtherSystemsCompile(t *testing.T) {
	for _, system := range []string{"darwin/arm64", "windows/amd64"} {
		t.Run(system, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(system, "/")
			loaded, err := packages.Load(&packages.Config{
				Context: t.Context(),
				Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
					packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedTypesSizes,
				Dir: "../..",
				Env: append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOWORK=off"),
			}, "./agent/cmd/auditship")
			if err != nil {
				t.Fatal(err)
			}
			checked := 0
			packages.Visit(loaded, nil, func(p *packages.Package) {
				checked++
				for _, e := range p.Errors {
					t.Errorf("%s: %v", p.PkgPath, e)
				}
			})
			if checked < 200 {
				t.Errorf("only %d packages were checked", checked)
			}
		})
	}
}
