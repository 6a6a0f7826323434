package ecs

import (
	"bytes"
	"encoding/binary"
)

// glance recognises, in a fraction of the time that flattener needs, what
// nearly all bodies and headers are: an object that flattened takes as it
// stands. What it does not recognise is for flattener to judge.
type glance struct {
	keys [64]uint64 // fingerprints of the keys of the open containers
	from [maxObjects + 1]int
}

// manyKeys is up to how many keys of one object are compared one by one.
const manyKeys = 16

// plain reports whether v, a value in valid JSON and valid UTF-8 without
// backslashes, is an object that can be copied into a flattened field. False
// decides nothing.
func (g *glance) plain(v []byte) bool {
	if len(v) > maxPath || v[0] != '{' {
		return false
	}
	depth, keys := 0, 0
	for i := 0; i < len(v); {
		switch v[i] {
		case '{', '[':
			if depth++; depth > maxObjects {
				return false
			}
			g.from[depth] = keys
			i++
		case '}', ']':
			if depth == 0 {
				return false
			}
			keys = g.from[depth]
			depth--
			i++
		case '"':
			length := bytes.IndexByte(v[i+1:], '"')
			if length < 0 {
				return false
			}
			text := v[i+1 : i+1+length]
			if i += length + 2; i < len(v) && v[i] == ':' {
				if !g.newKey(text, keys, depth) {
					return false
				}
				keys++
			}
		case ',', ':':
			i++
		case ' ', '\t', '\n', '\r':
			if v[i] != ' ' || v[i-1] == '"' { // a colon may follow
				return false
			}
			i++
		default:
			if i = wordEnd(v, i); i == 0 {
				return false
			}
		}
	}
	return true
}

// newKey reports whether a key is plain, and surely none of those before it in
// its object.
func (g *glance) newKey(text []byte, keys, depth int) bool {
	if keys == len(g.keys) || keys-g.from[depth] > manyKeys || !plainKey(text) {
		return false
	}
	f := fingerprint(text)
	for _, other := range g.keys[g.from[depth]:keys] {
		if other == f {
			return false
		}
	}
	g.keys[keys] = f
	return true
}

// plainKey reports whether a key without escapes is surely a safe one.
func plainKey(text []byte) bool {
	return len(text) > 0 && text[0] > ' ' && text[0] < 0x7f && bytes.IndexByte(text, '.') < 0
}

// fingerprint tells most keys apart: equal keys have the same, and few others.
func fingerprint(text []byte) uint64 {
	n := len(text)
	if n >= 8 {
		return binary.LittleEndian.Uint64(text)*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(text[n-8:]) + uint64(n)
	}
	var f uint64
	for _, c := range text {
		f = f<<8 | uint64(c)
	}
	return f
}

// wordEnd is the offset after the number or literal at i, 0 if it is too long
// or none.
func wordEnd(v []byte, i int) int {
	from := i
	for i < len(v) && v[i] != ',' && v[i] != '}' && v[i] != ']' && v[i] > ' ' {
		i++
	}
	if i == from || i-from > maxNumber {
		return 0
	}
	return i
}
