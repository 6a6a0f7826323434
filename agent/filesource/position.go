package filesource

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/unwrap"
)

// window is how many bytes at the start of a file and before a position are
// hashed to recognise the file. Audit records carry ids and times, so two files
// that agree in both windows agree in what lies between.
const window = 4096

// fileID is the identity that the system gives to a file while it exists.
type fileID struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}

// position is where reading stands in one file, as saved.
type position struct {
	Path string `json:"path"`
	fileID
	// Offset is the first byte that was not taken, after decompression. Reading
	// can begin there with nothing else known than Encoding and Unwrap; Passed is
	// how many bytes of the text that it then gives were taken already.
	Offset   int64       `json:"offset"`
	Passed   int         `json:"passed,omitempty"`
	Encoding string      `json:"encoding,omitempty"` // "" for UTF-8
	Unwrap   unwrap.Kind `json:"unwrap,omitempty"`   // "" where it was not known yet
	// Head is the keyed hash of the file's first HeadLength bytes as they are
	// on disk; Tail that of the TailLength bytes before Offset.
	Head       string `json:"head"`
	HeadLength int    `json:"head_length"`
	Tail       string `json:"tail"`
	TailLength int    `json:"tail_length"`
	Gzip       bool   `json:"gzip,omitempty"`
}

// parsePosition decodes a saved position. It is false for one that no version of
// this package wrote.
func parsePosition(data []byte) (position, bool) {
	var p position
	err := json.Unmarshal(data, &p)
	if p.Encoding != "" && err == nil {
		_, err = charset.Lookup(p.Encoding)
	}
	if p.Unwrap != "" && err == nil {
		_, err = unwrap.Parse(string(p.Unwrap))
	}
	return p, err == nil && p.Offset >= 0 && p.Passed >= 0 &&
		p.HeadLength >= 0 && p.HeadLength <= window &&
		p.TailLength >= 0 && p.TailLength <= window && int64(p.TailLength) <= p.Offset
}

// matchesHead reports whether the file begins as the position says.
func (p position) matchesHead(key []byte, f *os.File) bool {
	buf := make([]byte, p.HeadLength)
	if _, err := f.ReadAt(buf, 0); err != nil && err != io.EOF {
		return false
	}
	return digest(key, buf) == p.Head
}

// matches reports whether the plain file f holds, up to the position, what it held
// when the position was saved.
func (p position) matches(key []byte, f *os.File, size int64) bool {
	if p.Gzip || size < p.Offset || !p.matchesHead(key, f) {
		return false
	}
	buf := make([]byte, p.TailLength)
	if _, err := f.ReadAt(buf, p.Offset-int64(p.TailLength)); err != nil && err != io.EOF {
		return false
	}
	return digest(key, buf) == p.Tail
}

// digest is a keyed hash: a position must not let its reader test guesses of what
// a small file holds.
func digest(key, data []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// newStream makes the name of a new file's stream: unlike the path and the inode,
// it is never used for another file.
func newStream(input event.InputID) event.Stream {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return event.Stream{Input: input, Name: hex.EncodeToString(b[:])}
}
