package mask

import (
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/shape"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// keyInfo is what the rules say about a key, whatever its place.
type keyInfo struct {
	raw   string // as it stands in the text, without quotes
	plain string // without escapes
	class paths.Class
	hits  []names.Hit // strongest first
	lost  rule.ID     // where its place is not known, or None
	// secret: the key itself holds something that a detector would take.
	secret bool
	role   names.Role
	// about: after a sensitive name, this one takes its sense away.
	about bool
	// meansNothing: neither the name nor the role of the key says anything.
	meansNothing bool
	// next is the key that came after this one the last time, and to is the
	// node it led to from the node from.
	next     *keyInfo
	from, to paths.Node
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
	i := chars.Hash(raw)
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
	if len(raw) <= shape.MaxName {
		before.next = info
	}
	return info
}

func (c *keyCache) put(raw []byte, escaped bool) *keyInfo {
	info := c.look(string(raw), escaped)
	if len(raw) > shape.MaxName {
		return info
	}
	if c.count >= keyTable/2 {
		c.clear()
	}
	c.count++
	i := chars.Hash(raw)
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

// lookKey works out what the rules say about a key.
func (m *Masker) lookKey(raw string, escaped bool) *keyInfo {
	key := raw
	if escaped {
		key = string(jsonscan.AppendUnquoted(nil, []byte(`"`+raw+`"`)))
	}
	info := m.lookName(raw, key)
	info.secret = m.looker.texts.probe([]byte(key), paths.Start) != rule.None
	return info
}

// lookName works out what the rules say about a name.
func (m *Masker) lookName(raw, name string) *keyInfo {
	split := names.Words(m.rules.readable(name))
	info := &keyInfo{raw: raw, plain: name, class: m.places.Class([]byte(name)), hits: m.rules.nameHits(split), lost: m.rules.lost(name)}
	if len(name) <= shape.MaxName {
		info.role, info.about = names.RoleOf(split), names.About(split)
	}
	info.meansNothing = len(info.hits) == 0 && info.role < names.Value
	return info
}

// lookText says what the rules know about a key that stands in a text.
func (m *Masker) lookText(key []byte) *keyInfo {
	return m.names.get(shape.PlainName(key, m.rules.limits.Decode), false)
}

// maxReadable bounds what of a key is read as its name, in bytes.
const maxReadable = 16 << 10

// readable is what of a key is read as its name.
func (r *Rules) readable(key string) string {
	if len(key) > maxReadable { // both ends say what it is
		key = key[:maxReadable/2] + " " + key[len(key)-maxReadable/2:]
	}
	return r.withoutMarkers(key)
}

// withoutMarkers drops what masking left in a name, since the names of rules
// mean nothing.
func (r *Rules) withoutMarkers(name string) string {
	at := strings.Index(name, rule.MarkerStart)
	if at < 0 {
		return name
	}
	n := r.set.MarkerLength([]byte(name[at:]))
	if n == 0 {
		n = len(rule.MarkerStart)
	}
	return name[:at] + " " + r.withoutMarkers(name[at+n:])
}

// nameHits lists the rules that select a key by the words of its name, strongest
// first.
func (r *Rules) nameHits(split []string) []names.Hit {
	hits := r.names.Hits(split)
	slices.SortStableFunc(hits, func(a, b names.Hit) int { return r.set.Compare(a.Rule, b.Rule) })
	return hits
}
