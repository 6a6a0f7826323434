package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Env is the world a configuration refers to. Tests put their own in.
type Env struct {
	// LookupEnv finds an environment variable, as os.LookupEnv does.
	LookupEnv func(name string) (string, bool)
	// ReadFile reads a file named by ${file:PATH}, ca_file, cert_file or
	// key_file. It must be safe for use by several goroutines.
	ReadFile func(path string) ([]byte, error)
	// Unresolved stands for a reference that has no value: to a variable that
	// is not set, to a file that cannot be read. "" makes such a reference a
	// mistake, as it is for the agent. It is for a command that runs before the
	// agent's secrets are there.
	Unresolved string
	// NoInputs makes a configuration without inputs a valid one: for a command
	// that does not read them.
	NoInputs bool
	// NoElasticsearch makes one without the address of Elasticsearch valid: for
	// a command that sends nothing.
	NoElasticsearch bool
}

// OSEnv is the environment and the files of this process.
func OSEnv() Env { return Env{LookupEnv: os.LookupEnv, ReadFile: readFile} }

// maxFile bounds what is read from any file, in bytes: the configuration, keys
// and certificates are all far smaller.
const maxFile = 1 << 20

// readFile reads a whole file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("larger than 1MiB")}
	}
	return data, nil
}

// readText reads a file that holds one value. Newlines at its end do not count;
// an empty value is an error, since it is most often a file that is just being
// written or was never filled. The error names the file once.
func readText(read func(string) ([]byte, error), path string) (string, error) {
	data, err := read(path)
	if err != nil {
		return "", fileError(path, err)
	}
	text := string(bytes.TrimRight(data, "\r\n"))
	if text == "" {
		return "", fmt.Errorf("%s: the file is empty", path)
	}
	return text, nil
}

// fileError says path and reason, without the name of the system call and
// without saying the path twice.
func fileError(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

var (
	referencePattern = regexp.MustCompile(`\$\$|\$\{[^}]*\}?`)
	variablePattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// text is a scalar after its references were resolved.
type text struct {
	value string
	// referenced says that something of it came from elsewhere.
	referenced bool
	// shown is what an error may print: the scalar as it stands in the file.
	shown string
	// pieces keep ${file:PATH} as files, for a Secret.
	pieces []piece
}

// resolve replaces the references of a scalar. Relative paths are taken from
// dir. The error names the reference that failed and no value.
func (env Env) resolve(raw, dir string) (text, error) {
	t := text{shown: raw}
	var value strings.Builder
	last := 0
	add := func(p piece, resolved string) {
		t.pieces = append(t.pieces, p)
		value.WriteString(resolved)
	}
	for _, at := range referencePattern.FindAllStringIndex(raw, -1) {
		if at[0] > last {
			add(piece{text: raw[last:at[0]]}, raw[last:at[0]])
		}
		last = at[1]
		p, resolved, err := env.reference(raw[at[0]:at[1]], dir)
		if err != nil {
			return t, err
		}
		add(p, resolved)
		t.referenced = t.referenced || raw[at[0]:at[1]] != "$$"
	}
	add(piece{text: raw[last:]}, raw[last:])
	t.value = value.String()
	return t, nil
}

// reference resolves one $$ or ${...}.
func (env Env) reference(ref, dir string) (piece, string, error) {
	if ref == "$$" {
		return piece{text: "$"}, "$", nil
	}
	inner, closed := strings.CutSuffix(strings.TrimPrefix(ref, "${"), "}")
	if !closed {
		return piece{}, "", errors.New("a reference ${ has no }; write $${ for the characters themselves")
	}
	name, fallback, hasFallback := strings.Cut(inner, ":")
	if name == "file" && hasFallback {
		if fallback == "" {
			return piece{}, "", errors.New("the reference ${file:} names no file")
		}
		path := absolute(fallback, dir)
		content, err := readText(env.ReadFile, path)
		if err != nil && env.Unresolved != "" {
			content, err = env.Unresolved, nil
		}
		if err != nil {
			return piece{}, "", fmt.Errorf("cannot read a referenced file: %w", err)
		}
		return piece{path: path}, content, nil
	}
	if !variablePattern.MatchString(name) {
		return piece{}, "", errors.New("a reference is written ${NAME}, ${NAME:default} or ${file:PATH}; write $${ for the characters themselves")
	}
	if value, ok := env.LookupEnv(name); ok {
		return piece{text: value}, value, nil
	}
	if hasFallback {
		return piece{text: fallback}, fallback, nil
	}
	if env.Unresolved != "" {
		return piece{text: env.Unresolved}, env.Unresolved, nil
	}
	return piece{}, "", fmt.Errorf("the environment variable %s is not set; set it, or write ${%s:default}", name, name)
}

// absolute gives path as seen from dir.
func absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
