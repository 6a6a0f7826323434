package rule

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/netip"
	"unicode/utf8"
)

// Applier applies actions. The zero value is ready; it belongs to one
// goroutine.
type Applier struct {
	hashes map[*Key]hash.Hash
	sum    []byte
	domain []byte
}

// Append appends what a rule makes of value to dst. It serves the actions that
// replace a value; dropping is up to the caller.
func (a *Applier) Append(dst, value []byte, r *Rule) []byte {
	switch r.Action.Kind {
	case HMAC:
		return a.appendHMAC(dst, value, &r.Action)
	case Partial:
		return appendPartial(dst, value, r)
	case TruncateIP:
		return appendTruncatedIP(dst, value, r)
	case Truncate:
		return append(dst, FirstRunes(value, r.Action.Chars)...)
	default:
		return append(dst, r.Marker...)
	}
}

func (a *Applier) appendHMAC(dst, value []byte, do *Action) []byte {
	h := a.hashes[do.Key]
	if h == nil {
		h = hmac.New(sha256.New, do.Key.Secret)
		if a.hashes == nil {
			a.hashes = map[*Key]hash.Hash{}
		}
		a.hashes[do.Key] = h
	}
	h.Reset()
	a.domain = append(append(a.domain[:0], do.Domain...), 0)
	writeAll(h, a.domain, value)
	a.sum = h.Sum(a.sum[:0])
	dst = append(append(append(dst, hmacPrefix...), do.Key.ID...), ':')
	var text [43]byte
	base64.RawURLEncoding.Encode(text[:], a.sum)
	return append(dst, text[:do.Chars]...)
}

// writeAll feeds a hash, whose Write never fails.
func writeAll(h hash.Hash, parts ...[]byte) {
	for _, p := range parts {
		_, _ = h.Write(p)
	}
}

// appendPartial keeps both ends where enough stays hidden.
func appendPartial(dst, value []byte, r *Rule) []byte {
	n, keep := utf8.RuneCount(value), r.Action.First+r.Action.Last
	if n < 8 || n < 2*keep {
		return append(dst, r.Marker...)
	}
	head := FirstRunes(value, r.Action.First)
	tail := value[len(FirstRunes(value, n-r.Action.Last)):]
	dst = append(dst, head...)
	for range n - keep {
		dst = append(dst, '*')
	}
	return append(dst, tail...)
}

// FirstRunes is the start of b, n characters at most.
func FirstRunes(b []byte, n int) []byte {
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
func appendTruncatedIP(dst, value []byte, r *Rule) []byte {
	addr, err := netip.ParseAddr(string(value))
	if err != nil {
		port, portErr := netip.ParseAddrPort(string(value))
		if portErr != nil {
			return append(dst, r.Marker...)
		}
		addr = port.Addr()
	}
	addr = addr.WithZone("").Unmap()
	bits := r.Action.V6
	if addr.Is4() {
		bits = r.Action.V4
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return append(dst, r.Marker...)
	}
	return prefix.Addr().AppendTo(dst)
}
