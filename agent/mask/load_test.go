package mask

import (
	"io/fs"
	"testing"
)

// noFiles is a file system without files.
func noFiles(path string) ([]byte, fs.FileMode, error) {
	return nil, 0, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// load compiles rules files given by name and text, for tests that expect them
// to be right.
func loadText(t testing.TB, files ...string) *Rules {
	t.Helper()
	rules, err := tryLoad(files...)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// tryLoad compiles rules given as texts; they are called 1.yml, 2.yml and so
// on. The file key.txt holds a key, open.txt one that everyone can read, and
// the variable MASK_KEY one in hex.
func tryLoad(texts ...string) (*Rules, error) {
	files := map[string]string{
		"key.txt":  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"open.txt": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"tiny.txt": "secret",
	}
	var names []string
	for i, text := range texts {
		name := string(rune('1'+i)) + ".yml"
		files[name] = text
		names = append(names, name)
	}
	return Load(names, Options{
		LookupEnv: func(name string) (string, bool) {
			return "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", name == "MASK_KEY"
		},
		ReadFile: func(path string) ([]byte, fs.FileMode, error) {
			text, ok := files[path]
			if !ok {
				return noFiles(path)
			}
			mode := fs.FileMode(0o600)
			if path == "open.txt" {
				mode = 0o644
			}
			return []byte(text), mode, nil
		},
	})
}
