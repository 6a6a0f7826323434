package mask

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// keyInfo is what the rules say about a key, whatever its place.
type keyInfo struct {
	raw   string // as it stands in the text, without quotes
	plain string // without escapes
	class int32
	names []nameHit // strongest first
	// secret: the key itself holds something that a detector would take.
	secret bool
	role   keyRole
	// about: after a sensitive name, this one takes its sense away.
	about bool
	// plainName: neither the name nor the role of the key means anything.
	plainName bool
	// next is the key that came after this one the last time, and to is the
	// node it led to from the node from.
	next     *keyInfo
	from, to int32
}

// keyCache remembers keys by their raw bytes, so that names are taken apart
// once and not in every record. It is bounded: a sender of ever new keys makes
// it slow, never large.
type keyCache struct {
	table []*keyInfo // open addressing, a power of two
	count int
	look  func(raw string, escaped bool) *keyInfo
}

const keyTable = 8192

func newKeyCache(look func(string, bool) *keyInfo) *keyCache {
	return &keyCache{table: make([]*keyInfo, keyTable), look: look}
}

// get finds the key whose text between the quotes is raw.
func (c *keyCache) get(raw []byte, escaped bool) *keyInfo {
	i := hashKey(raw)
	for {
		e := c.table[i%keyTable]
		if e == nil {
			return c.put(raw, escaped)
		}
		if e.raw == string(raw) {
			return e
		}
		i++
	}
}

// after finds a key as get does, after another one. Records resemble each
// other, so most of the time it is the one that followed the last time.
func (c *keyCache) after(before *keyInfo, raw []byte, escaped bool) *keyInfo {
	if before == nil {
		return c.get(raw, escaped)
	}
	if next := before.next; next != nil && next.raw == string(raw) {
		return next
	}
	info := c.get(raw, escaped)
	if len(raw) <= longKey {
		before.next = info
	}
	return info
}

// longKey is the length in bytes above which keys are not remembered.
const longKey = 128

func (c *keyCache) put(raw []byte, escaped bool) *keyInfo {
	info := c.look(string(raw), escaped)
	if len(raw) > longKey {
		return info
	}
	if c.count >= keyTable/2 {
		c.clear()
	}
	c.count++
	i := hashKey(raw)
	for c.table[i%keyTable] != nil {
		i++
	}
	c.table[i%keyTable] = info
	return info
}

func (c *keyCache) clear() {
	clear(c.table)
	c.count = 0
}

// hashKey mixes the length and both ends of a key.
func hashKey(b []byte) uint32 {
	var lo, hi uint64
	switch n := len(b); {
	case n >= 8:
		lo, hi = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		lo, hi = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		lo, hi = uint64(b[0]), uint64(b[n/2])<<8|uint64(b[n-1])
	}
	x := (lo ^ bits.RotateLeft64(hi, 29) ^ uint64(len(b))) * 0x9e3779b97f4a7c15
	return uint32(x >> 40)
}

// lookKey works out what the rules say about a key.
func (m *Masker) lookKey(raw string, escaped bool) *keyInfo {
	key := raw
	if escaped {
		key = string(jsonscan.AppendUnquoted(nil, []byte(`"`+raw+`"`)))
	}
	info := m.lookName(raw, key)
	info.secret = m.holdsSecret(key)
	return info
}

// lookName works out what the rules say about a name.
func (m *Masker) lookName(raw, name string) *keyInfo {
	split := words(m.rules.named(name))
	info := &keyInfo{raw: raw, plain: name, class: m.nodes.classOf([]byte(name)), names: m.rules.nameHits(split)}
	if len(name) <= longKey {
		info.role, info.about = roleOf(split), isAbout(split)
	}
	info.plainName = len(info.names) == 0 && info.role < roleValue
	return info
}

// holdsSecret says whether a key holds a secret itself.
func (m *Masker) holdsSecret(key string) bool { return m.looker.probe([]byte(key), startNode) != none }

// named is what of a key is read as its name.
func (r *Rules) named(key string) string {
	if len(key) > maxNameLength { // both ends say what it is
		key = key[:maxNameLength/2] + " " + key[len(key)-maxNameLength/2:]
	}
	return r.withoutMarkers(key)
}

// nameHits lists the rules that select a key by the words of its name, strongest
// first.
func (r *Rules) nameHits(split []string) []nameHit {
	key := make([]keyWord, len(split))
	for i, word := range split {
		key[i] = newKeyWord(word)
	}
	joined := ""
	if r.nameGlobs {
		joined = strings.Join(split, "_")
	}
	var hits []nameHit
	for i := range r.namePatterns {
		p := &r.namePatterns[i]
		if ok, plural := p.match(key, joined); ok {
			hits = addHit(hits, nameHit{rule: p.rule, plural: plural})
		}
	}
	r.sortHits(hits)
	return hits
}

// withoutMarkers drops what masking left in a name, since the names of rules
// mean nothing.
func (r *Rules) withoutMarkers(name string) string {
	at := strings.Index(name, redactedPrefix)
	if at < 0 {
		return name
	}
	n := r.markerLength([]byte(name[at:]))
	if n == 0 {
		n = len(redactedPrefix)
	}
	return name[:at] + " " + r.withoutMarkers(name[at+n:])
}

// maxNameLength bounds what of a key is read as its name, in bytes.
const maxNameLength = 16 << 10

func addHit(hits []nameHit, h nameHit) []nameHit {
	for i := range hits {
		if hits[i].rule == h.rule {
			hits[i].plural = hits[i].plural && h.plural
			return hits
		}
	}
	return append(hits, h)
}
