package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/netip"
	"slices"
	"unicode/utf8"
)

// actionKind orders the actions: where several rules select one value, the
// smallest kind is applied.
type actionKind byte

const (
	dropEvent actionKind = iota
	dropField
	redact
	hmacHash
	partial
	truncateIP
	truncate
)

func (k actionKind) String() string {
	return [...]string{"drop_event", "drop_field", "redact", "hmac", "partial", "truncate_ip", "truncate"}[k]
}

// action is what a rule does to a value.
type action struct {
	kind        actionKind
	first, last int      // partial: characters kept at both ends
	chars       int      // truncate: characters kept; hmac: characters of the hash
	v4, v6      int      // truncate_ip: bits kept
	key         *hmacKey // hmac
	domain      string   // hmac: hashes are comparable within one domain
}

// hmacKey is a key of the rules file.
type hmacKey struct {
	id     string
	secret []byte
	chars  []int // lengths in use, to recognise markers
}

// markerLength says how long a marker with this key is whose hash starts at
// text; before is the length of what stands in front.
func (k *hmacKey) markerLength(text []byte, before int) int {
	n := 0
	for n < len(text) && (isAlnum(text[n]) || text[n] == '-' || text[n] == '_') {
		n++
	}
	if slices.Contains(k.chars, n) {
		return before + n
	}
	return 0
}

// apply appends what the rule makes of value to dst. It serves the actions
// that replace a value; dropping is up to the caller.
func (m *Masker) apply(dst, value []byte, index int32) []byte {
	r := &m.rules.rules[index]
	switch r.action.kind {
	case hmacHash:
		return m.appendHMAC(dst, value, &r.action)
	case partial:
		return appendPartial(dst, value, r)
	case truncateIP:
		return appendTruncatedIP(dst, value, r)
	case truncate:
		return append(dst, firstRunes(value, r.action.chars)...)
	default:
		return append(dst, r.marker...)
	}
}

func (m *Masker) appendHMAC(dst, value []byte, a *action) []byte {
	h := m.hashes[a.key]
	if h == nil {
		h = hmac.New(sha256.New, a.key.secret)
		m.hashes[a.key] = h
	}
	h.Reset()
	m.domain = append(append(m.domain[:0], a.domain...), 0)
	writeAll(h, m.domain, value)
	m.sum = h.Sum(m.sum[:0])
	dst = append(append(append(dst, hmacPrefix...), a.key.id...), ':')
	var text [43]byte
	base64.RawURLEncoding.Encode(text[:], m.sum)
	return append(dst, text[:a.chars]...)
}

// writeAll feeds a hash, whose Write never fails.
func writeAll(h hash.Hash, parts ...[]byte) {
	for _, p := range parts {
		_, _ = h.Write(p)
	}
}

// appendPartial keeps both ends where enough stays hidden.
func appendPartial(dst, value []byte, r *rule) []byte {
	n, keep := utf8.RuneCount(value), r.action.first+r.action.last
	if n < 8 || n < 2*keep {
		return append(dst, r.marker...)
	}
	head := firstRunes(value, r.action.first)
	tail := value[len(firstRunes(value, n-r.action.last)):]
	dst = append(dst, head...)
	for range n - keep {
		dst = append(dst, '*')
	}
	return append(dst, tail...)
}

func firstRunes(b []byte, n int) []byte {
	i := 0
	for ; n > 0 && i < len(b); n-- {
		_, size := utf8.DecodeRune(b[i:])
		i += size
	}
	return b[:i]
}

// appendTruncatedIP zeroes the host part of an address. A port and a zone are
// dropped, an IPv4 address in IPv6 form becomes IPv4, what is no address is
// redacted.
func appendTruncatedIP(dst, value []byte, r *rule) []byte {
	addr, err := netip.ParseAddr(string(value))
	if err != nil {
		port, portErr := netip.ParseAddrPort(string(value))
		if portErr != nil {
			return append(dst, r.marker...)
		}
		addr = port.Addr()
	}
	addr = addr.WithZone("").Unmap()
	bits := r.action.v6
	if addr.Is4() {
		bits = r.action.v4
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return append(dst, r.marker...)
	}
	return prefix.Addr().AppendTo(dst)
}
