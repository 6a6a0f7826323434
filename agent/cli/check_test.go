package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/config"
)

var update = flag.Bool("update", false, "write what check says into the golden files; read the difference before you keep it")

// checkDesk is a folder with all files that a configuration may name.
type checkDesk struct {
	t   *testing.T
	dir string
}

func newCheckDesk(t *testing.T) *checkDesk {
	d := &checkDesk{t, t.TempDir()}
	certificate, key := selfSigned(t)
	for name, text := range map[string]string{
		"token": canarySecret + "\n", "empty": "\n", "not.crt": canarySecret, "short.key": "short\n", // as agent/config's tests have them
		"trust.crt": certificate, "client.crt": certificate, "client.key": key,
		"mask.key": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"weak.key": "secret",
	} {
		d.write(name, text)
	}
	for name, value := range map[string]string{
		"ES_API_KEY": canarySecret, "HOST": canarySecret + ".example.com", "BAD_URL": "https://elastic:" + canarySecret + "@es:9200",
		"BAD_PORT": "https://elastic:" + canarySecret + "/1@es:9200", "LEVEL": canarySecret, "SPAN": canarySecret,
		"TWO_LINES": canarySecret + "\nsecond line", "EMPTY": "",
		"MASK_KEY": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	} {
		t.Setenv(name, value)
	}
	return d
}

const canarySecret = "c4nary-s3cret"

func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bytes}))
}

func (d *checkDesk) write(name, text string) (path string) {
	d.t.Helper()
	path = filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// check runs the command on a configuration and gives what it says, with the names
// of files only. It must refuse.
func (d *checkDesk) check(text string) string {
	d.t.Helper()
	got := runMain("check", "-c", d.write("auditship.yml", text))
	if got.code != exitMisused || got.stdout != "" {
		d.t.Errorf("%+v\n%s", got, text)
	}
	if strings.Contains(got.stderr, canarySecret) {
		d.t.Errorf("a secret is shown: %s", got.stderr)
	}
	text = strings.ReplaceAll(got.stderr, d.dir+"/", "")
	return strings.ReplaceAll(text, "no such file or directory", "file does not exist")
}

// rulesConfig has nothing wrong but, maybe, its rules.
const rulesConfig = "inputs: [{type: file, id: files, paths: /var/log/api7/*.json}]\nelasticsearch: {urls: http://localhost:9200}\nmasking: {rules: rules.yml}\n"

// R25: every kind of mistake, in the configuration and in the rules, fails check with
// its file, line and column, all at once, and with a suggestion where there is one.
func TestR25EveryMistakeFailsCheck(t *testing.T) {
	const separator = "-- errors --\n"
	d := newCheckDesk(t)
	kinds := 0
	for _, of := range []struct{ glob, folder string }{
		{"../config/testdata/mistakes/*.golden", "/etc/auditship/"}, {"testdata/check/*.golden", ""},
	} {
		files, err := filepath.Glob(of.glob)
		if err != nil {
			t.Fatal(err)
		}
		kinds += len(files)
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
				d.t = t
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				text, want, ok := strings.Cut(string(content), separator)
				if !ok {
					t.Fatalf("%s has no line %q", file, separator)
				}
				var got string
				if of.folder != "" {
					// The tests of package config play with a folder that is here another.
					got = d.check(strings.ReplaceAll(text, of.folder, d.dir+"/"))
					want = strings.ReplaceAll(want, of.folder, "")
				} else {
					d.write("rules.yml", text)
					got = d.check(rulesConfig)
				}
				if *update && of.folder == "" {
					if err := os.WriteFile(file, []byte(text+separator+got), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				if got != want {
					t.Errorf("got:\n%s\nwant:\n%s", got, want)
				}
				if !regexp.MustCompile(`^(auditship|rules)\.yml:[1-9][0-9]*:[1-9][0-9]*: `).MatchString(got) {
					t.Errorf("no place: %s", got)
				}
			})
		}
	}
	if kinds < 100 {
		t.Errorf("only %d kinds of mistakes", kinds)
	}
}

// A line of YAML with a key.
var keyLine = regexp.MustCompile(`^( *(?:- )?)([a-z_0-9]+):`)

// keyLinesOf lists the lines that hold keys, from 0, without those whose names are the
// user's: below rename, when, in and out, and the names of keys.
func keyLinesOf(text string) (lines []string, keys []int) {
	lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	free := -1 // the indentation of a section whose keys are the user's
	for i, line := range lines {
		m := keyLine.FindStringSubmatch(line)
		indent := len(line) - len(strings.TrimLeft(line, " -"))
		if free >= 0 && indent > free {
			continue
		}
		if free = -1; m == nil || strings.HasPrefix(m[2], "k2026") {
			continue
		}
		if regexp.MustCompile(`^(rename|when|in|out)$`).MatchString(m[2]) && strings.HasSuffix(line, ":") {
			free = indent
		}
		keys = append(keys, i)
	}
	return lines, keys
}

// R25: every key there is, written with a letter too many, twice, and at another
// place.
func TestR25EveryKeyMisspeltTwiceAndMisplaced(t *testing.T) {
	d := newCheckDesk(t)
	for _, name := range []string{"every-key.yml", "every-key.rules.yml"} {
		content, err := os.ReadFile("testdata/check/" + name)
		if err != nil {
			t.Fatal(err)
		}
		file, check := "auditship.yml", d.check
		d.write("rules.yml", "masking: {}\n")
		if strings.Contains(name, "rules") {
			file, check = "rules.yml", func(text string) string {
				d.write("rules.yml", text)
				return d.check(rulesConfig)
			}
		}
		text := string(content)
		if file == "auditship.yml" {
			mustHaveEveryKey(t, text)
			want(t, runMain("check", "-c", d.write(file, text)), exitDone)
		} else {
			d.write(file, text)
			want(t, runMain("check", "-c", d.write("auditship.yml", rulesConfig)), exitDone)
		}
		lines, keys := keyLinesOf(text)
		for _, i := range keys {
			m := keyLine.FindStringSubmatch(lines[i])
			key, column := m[2], len(m[1])+1
			misspelt := key + key[len(key)-1:]
			mustSay(t, check(with(lines, i, m[1]+misspelt+lines[i][len(m[0])-1:])),
				fmt.Sprintf(`(?m)^%s:%d:%d: .*did you mean "%s"\?`, file, i+1, column, key))

			first, second := m[1]+key+": x", strings.ReplaceAll(lines[i], "- ", "  ")
			mustSay(t, check(with(lines, i, first+"\n"+second)),
				fmt.Sprintf(`(?m)^%s:(%d:%d: .*(twice|second time)|%d:%[3]d: .*expected one action)`, file, i+2, column, i+1))
			if file == "auditship.yml" {
				misplaced(t, d, text, lines, key, column)
			}
		}
	}
}

// with replaces line i.
func with(lines []string, i int, line string) string {
	changed := append([]string(nil), lines...)
	changed[i] = line
	return strings.Join(changed, "\n") + "\n"
}

func mustSay(t *testing.T, got, pattern string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(got) {
		t.Errorf("got\n%swant %s", got, pattern)
	}
}

// misplaced puts a key of the top level into a section, and a section's to the top.
func misplaced(t *testing.T, d *checkDesk, text string, lines []string, key string, column int) {
	t.Helper()
	top := regexp.MustCompile(`(?m)^` + key + `:`).MatchString(text)
	switch {
	case column == 1:
		at := strings.Count(text[:strings.Index(text, "\nlog:\n")+1], "\n") + 2
		mustSay(t, d.check(strings.Replace(text, "\nlog:\n", "\nlog:\n  "+key+": x\n", 1)), fmt.Sprintf(`(?m)^auditship.yml:%d:3: .*misplaced key; it belongs .*at the top level`, at))
	case !top:
		mustSay(t, d.check(text+key+": x\n"), fmt.Sprintf(`(?m)^auditship.yml:%d:1: %s: misplaced key; it belongs`, len(lines)+1, key))
	}
}

// mustHaveEveryKey holds the example against the configuration's types.
func mustHaveEveryKey(t *testing.T, text string) {
	t.Helper()
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[config.Secret]() {
			return
		}
		for f := range typ.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" && name != "cloud_id" &&
				!regexp.MustCompile(`(?m)^[ -]*`+name+`:`).MatchString(text) {
				t.Errorf("%s has no %s", "testdata/check/every-key.yml", name)
			}
			if f.IsExported() {
				visit(f.Type)
			}
		}
	}
	visit(reflect.TypeFor[config.Config]())
}
