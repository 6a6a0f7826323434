package config

import (
	"encoding/json"
	"fmt"
	"strings"
)

// redacted is what a secret prints, set or not.
const redacted = "***"

// Secret is a value that must not be seen: a key, a password, a proxy's URL. It
// prints *** through fmt, encoding/json and yaml, whatever the verb, so it can
// stand in a printed struct. The zero Secret is not set. Copies share their
// content. A Secret may be used by several goroutines at once.
type Secret struct{ s *secret }

// secret holds its value in a closure only: where a Secret stands in a field
// that is not exported, fmt cannot call Format and prints what it finds by
// reflection, through the pointer.
type secret struct {
	reveal func() (string, error)
}

// piece is a part of a value: fixed text, or the path of a file.
type piece struct {
	text string
	path string
}

// NewSecret makes a secret of fixed text, for callers that got it from
// elsewhere than a file (a prompt, a test).
func NewSecret(text string) Secret {
	return Secret{&secret{func() (string, error) { return text, nil }}}
}

// newSecret makes a secret of pieces, in order, whose files are read on each
// use.
func newSecret(pieces []piece, readFile func(path string) ([]byte, error)) Secret {
	return Secret{&secret{func() (string, error) {
		var b strings.Builder
		for _, p := range pieces {
			text := p.text
			if p.path != "" {
				var err error
				if text, err = readText(readFile, p.path); err != nil {
					return "", fmt.Errorf("read secret: %w", err)
				}
			}
			b.WriteString(text)
		}
		return b.String(), nil
	}}}
}

// Reveal gives the value. Files named by ${file:PATH} are read each time, so a
// key that was rotated, in place or by rename, is in use with the next call; a
// newline at the end of a file is dropped. The method value secret.Reveal is
// what the clients take. It is "" where the secret is not set. It fails only
// where a file cannot be read or is empty (just being written, perhaps); the
// error names the file and never its content.
func (s Secret) Reveal() (string, error) {
	if s.s == nil {
		return "", nil
	}
	return s.s.reveal()
}

// IsZero says that the secret is not set.
func (s Secret) IsZero() bool { return s.s == nil }

// String prints ***.
func (Secret) String() string { return redacted }

// GoString prints ***.
func (Secret) GoString() string { return redacted }

// Format prints *** for every verb.
func (Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(redacted)) // Format cannot return an error
}

// MarshalText writes ***.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON writes "***".
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalYAML writes ***.
func (Secret) MarshalYAML() (any, error) { return redacted, nil }
