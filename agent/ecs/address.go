package ecs

import (
	"bytes"
	"net/netip"
)

// appendIP appends the IP address that text is, as Elasticsearch's type ip reads
// it: without port, brackets and zone, an IPv4-mapped one as IPv4. It appends
// nothing where text is none.
func appendIP(dst, text []byte) []byte {
	if isIPv4(text) {
		return append(dst, text...)
	}
	if len(text) > 64 {
		return dst
	}
	s := string(bytes.TrimSpace(text))
	a, err := netip.ParseAddr(s)
	if err != nil {
		if ap, err := netip.ParseAddrPort(s); err == nil {
			a = ap.Addr()
		} else if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
			a, _ = netip.ParseAddr(s[1 : len(s)-1])
		}
	}
	if !a.IsValid() {
		return dst
	}
	return a.Unmap().WithZone("").AppendTo(dst)
}

// isIPv4 reports whether text is an IPv4 address in its usual form, which is
// what nearly all are; it spares them the allocation.
func isIPv4(text []byte) bool {
	parts, n, digits := 1, 0, 0
	for _, c := range text {
		switch {
		case c == '.' && digits > 0:
			parts++
			n, digits = 0, 0
		case '0' <= c && c <= '9' && (digits == 0 || n > 0):
			n = n*10 + int(c-'0')
			digits++
			if n > 255 {
				return false
			}
		default:
			return false
		}
	}
	return parts == 4 && digits > 0
}
