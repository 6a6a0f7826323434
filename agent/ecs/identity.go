package ecs

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"unicode/utf8"

	"github.com/auditship/auditship/agent/event"
)

// What a hash is taken over begins with one of these, so that no two kinds of
// _id can meet, and goes on with parts that each follow their length. They are
// short: with them, the usual id fits the 55 bytes of SHA-256's first block.
// Changing any of it gives every document a new _id.
const (
	domainID       = "ship:id\x00"
	domainToken    = "ship:token\x00"
	domainRaw      = "ship:record\x00"
	domainRepeated = "ship:occurrence\x00"
)

// ID is the _id of the record that a gateway calls recordID: the first 128 bits
// of a SHA-256 over both. recordID is the text of the id, without quotes and
// escapes; an id that is a number has the _id of the string with its digits.
func ID(gateway string, recordID []byte) event.ID {
	var scratch [256]byte
	return digest(encode(scratch[:0], domainID, gateway, recordID))
}

func encode(dst []byte, domain, gateway string, rest []byte) []byte {
	dst = append(dst, domain...)
	dst = binary.AppendUvarint(dst, uint64(len(gateway)))
	dst = append(dst, gateway...)
	dst = binary.AppendUvarint(dst, uint64(len(rest)))
	return append(dst, rest...)
}

func digest(text []byte) event.ID {
	sum := sha256.Sum256(text)
	var id event.ID
	base64.RawURLEncoding.Encode(id[:], sum[:16])
	return id
}

// Identity computes the _id of records as they were read, before masking.
type Identity struct {
	mac  hash.Hash
	text []byte
	buf  []byte
}

// NewIdentity returns an Identity that names records without an id with this
// key (id_key). A key must never change while records may be read again.
func NewIdentity(key []byte) *Identity {
	return &Identity{mac: hmac.New(sha256.New, key)}
}

// OfToken is ID for an id as it stands in the record. It returns false where
// the record has none, or one that is no name.
func (i *Identity) OfToken(gateway string, id event.Token) (event.ID, bool) {
	if !id.NamesRecord() {
		return event.ID{}, false
	}
	domain := domainID
	i.text = id.AppendText(i.text[:0])
	if bytes.IndexByte(id, '\\') >= 0 && bytes.Contains(i.text, []byte(string(utf8.RuneError))) {
		// An escaped lone surrogate: different ones have the same text.
		domain, i.text = domainToken, append(i.text[:0], id...)
	}
	i.buf = encode(i.buf[:0], domain, gateway, i.text)
	return digest(i.buf), true
}

// Base stands for the content of a record without an id. Identical records of
// one gateway have the same; Finish tells them apart.
type Base [sha256.Size]byte

// OfRaw is the Base of a record: an HMAC, so that a reader of _id cannot test
// guesses of what masking took away. raw is the record's text before masking.
func (i *Identity) OfRaw(gateway string, raw []byte) Base {
	i.buf = encode(i.buf[:0], domainRaw, gateway, raw)
	i.mac.Reset()
	_, _ = i.mac.Write(i.buf) // a hash never fails
	var b Base
	i.mac.Sum(b[:0])
	return b
}

// Finish is the _id of one of the identical records. occurrence counts them
// within their file, beginning with 0.
func (b Base) Finish(occurrence uint64) event.ID {
	var scratch [128]byte
	text := append(scratch[:0], domainRepeated...)
	text = append(text, b[:]...)
	return digest(binary.BigEndian.AppendUint64(text, occurrence))
}
