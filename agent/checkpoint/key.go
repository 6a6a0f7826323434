package checkpoint

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/auditship/auditship/exporter/durable"
)

const (
	keyName  = "id_key"
	keyBytes = 32
)

// Key returns the state directory's own secret, made at the first call: 32
// random bytes, kept in the file id_key in hexadecimal. Ids of records without
// an id, and the hashes in saved positions, are keyed with it, so that nobody
// who reads them can test guesses of a masked secret.
func (s *Store) Key() ([]byte, error) {
	text, err := readFile(s.folder, keyName)
	key, err := parseKey(s.dir, text, err)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(s.folder)
	}
	return key, err
}

// ReadKey reads the secret of a state directory without locking it. Where none
// was made yet the error is fs.ErrNotExist.
func ReadKey(dir string) ([]byte, error) {
	text, err := readIn(dir, keyName)
	return parseKey(dir, text, err)
}

func parseKey(dir string, text []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("read the id key: %w", err)
	}
	key, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("the id key in %s is damaged: it must be %d hexadecimal digits; remove it to make a new one (records without an id that are read again will then be indexed a second time)", dir, 2*keyBytes)
	}
	return key, nil
}

func makeKey(d *durable.Folder) ([]byte, error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails, says its documentation
	if err := d.Replace(keyName, []byte(hex.EncodeToString(key)+"\n")); err != nil {
		return nil, fmt.Errorf("write the id key: %w", err)
	}
	return key, nil
}
