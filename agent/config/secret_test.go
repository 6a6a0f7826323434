package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"gopkg.in/yaml.v3"
)

// A secret prints *** whatever prints it, alone or inside something else.
func TestSecretIsNeverPrinted(t *testing.T) {
	secret := NewSecret(canary)
	outer := struct {
		Name   string
		Secret Secret
		hidden Secret
		Ref    *Secret
	}{"n", secret, secret, &secret}
	_ = outer.hidden

	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %[1]v", "%p", "%t", "%20s"} {
		printed = append(printed,
			fmt.Sprintf(verb, secret), fmt.Sprintf(verb, &secret), fmt.Sprintf(verb, outer), fmt.Sprintf(verb, &outer),
			fmt.Sprintf(verb, []Secret{secret}), fmt.Sprintf(verb, map[string]Secret{"k": secret}), fmt.Sprintf(verb, map[Secret]int{secret: 1}))
	}
	printed = append(printed, secret.String(), secret.GoString(), fmt.Errorf("wrapped: %v", secret).Error())
	for _, encode := range map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"yaml": yaml.Marshal,
		"xml":  xml.Marshal,
	} {
		text, err := encode(struct{ Secret Secret }{secret})
		if err == nil && !bytes.Contains(text, []byte("***")) {
			t.Errorf("no *** in %s", text)
		}
		printed = append(printed, string(text))
	}
	var log bytes.Buffer
	logger := zerolog.New(&log)
	logger.Info().Interface("secret", outer).Stringer("s", secret).Any("a", secret).Msg("")
	slog.New(slog.NewTextHandler(&log, nil)).Info("", "secret", secret, "outer", outer)
	printed = append(printed, log.String())

	for _, text := range printed {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret is printed: %s", text)
		}
	}
	if got := fmt.Sprintf("%s %v %#v", secret, secret, secret); got != "*** *** ***" {
		t.Errorf("prints %s", got)
	}
	if got, err := secret.Reveal(); err != nil || got != canary {
		t.Errorf("Reveal() = %q, %v", got, err)
	}
}

func TestSecretZero(t *testing.T) {
	var unset Secret
	if got, err := unset.Reveal(); got != "" || err != nil || !unset.IsZero() {
		t.Errorf("Reveal() = %q, %v, IsZero() = %t", got, err, unset.IsZero())
	}
	if NewSecret("").IsZero() {
		t.Error("a secret that was made is not set")
	}
}

// rotate puts a new key into the file the way of the name.
var rotate = map[string]func(t *testing.T, path, key string){
	"in place": func(t *testing.T, path, key string) {
		write(t, path, key)
	},
	"by rename": func(t *testing.T, path, key string) {
		write(t, path+".new", key)
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	},
	"by symbolic link, as Kubernetes does": func(t *testing.T, path, key string) {
		target := filepath.Join(t.TempDir(), "key")
		write(t, target, key)
		if err := os.Symlink(target, path+".link"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".link", path); err != nil {
			t.Fatal(err)
		}
	},
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A key file of the same length is rotated several times within one tick of
// the file system's clock; each Reveal gives what is in the file.
func TestSecretFollowsItsFile(t *testing.T) {
	for name, put := range rotate {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			write(t, path, "key-0\n")
			secret := parseWithKeyFile(t, path)
			for i := range 10 {
				want := fmt.Sprintf("key-%d", i)
				put(t, path, want+"\r\n")
				if got, err := secret.Reveal(); err != nil || got != want {
					t.Fatalf("Reveal() = %q, %v; want %q", got, err, want)
				}
			}
		})
	}
}

func parseWithKeyFile(t *testing.T, path string) Secret {
	t.Helper()
	cfg, err := Parse(filepath.Join(t.TempDir(), "auditship.yml"), []byte(`
inputs: [{type: file, id: files, paths: "*.json"}]
elasticsearch: {urls: "https://es:9200", api_key: "${file:`+path+`}"}
`), Env{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Elasticsearch.APIKey
}

func TestSecretFileGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write(t, path, canary)
	secret := parseWithKeyFile(t, path)
	for name, spoil := range map[string]func() error{
		"empty":   func() error { return os.Truncate(path, 0) },
		"removed": func() error { return os.Remove(path) },
	} {
		write(t, path, canary)
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		got, err := secret.Reveal()
		if err == nil || got != "" || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: Reveal() = %q, %v", name, got, err)
		}
	}
	write(t, path, "back\n")
	if got, err := secret.Reveal(); err != nil || got != "back" {
		t.Errorf("Reveal() = %q, %v", got, err)
	}
}

func TestSecretOfSeveralPieces(t *testing.T) {
	env := testEnv()
	cfg, err := Parse("/etc/auditship/auditship.yml", []byte(`
inputs: [{type: file, id: files, paths: "*.json"}]
elasticsearch: {urls: "https://es:9200", username: "${USER_NAME:$elastic}", password: "a$$b-${file:token}-${HOST}-$c"}
`), env)
	if err != nil {
		t.Fatal(err)
	}
	want := "a$b-" + canary + "-" + canary + ".example.com-$c"
	if got, err := cfg.Elasticsearch.Password.Reveal(); err != nil || got != want {
		t.Errorf("Reveal() = %q, %v; want %q", got, err, want)
	}
	if cfg.Elasticsearch.Username != "$elastic" {
		t.Errorf("username is %q", cfg.Elasticsearch.Username)
	}
}

// Many goroutines reveal while the file is rotated: each sees one key, whole.
func TestSecretConcurrently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write(t, path, "key-0")
	secret := parseWithKeyFile(t, path)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				got, err := secret.Reveal()
				if err != nil || len(got) != len("key-0") || !strings.HasPrefix(got, "key-") {
					t.Errorf("Reveal() = %q, %v", got, err)
					return
				}
			}
		})
	}
	for i := range 10 {
		rotate["by rename"](t, path, fmt.Sprintf("key-%d", i))
	}
	wg.Wait()
}

func TestReadFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	write(t, path, strings.Repeat("x", maxFile+1))
	if _, err := readFile(path); err == nil {
		t.Error("a file of more than 1 MiB was read")
	}
	write(t, path, strings.Repeat("x", maxFile))
	if data, err := readFile(path); err != nil || len(data) != maxFile {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
