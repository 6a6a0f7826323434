package paths

import (
	"math/bits"
	"slices"
)

// set is a set of small numbers.
type set[T ~int32] []uint64

func (s set[T]) with(i T) set[T] {
	for int(i/64) >= len(s) {
		s = append(s, 0)
	}
	s[i/64] |= 1 << (i % 64)
	return s
}

func (s set[T]) has(i T) bool { return int(i/64) < len(s) && s[i/64]>>(i%64)&1 != 0 }

// all yields the members in rising order.
func (s set[T]) all() func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(T(i*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// union is a new set with the members of both.
func (s set[T]) union(other set[T]) set[T] {
	out := slices.Clone(s)
	for i, word := range other {
		if i < len(out) {
			out[i] |= word
		} else {
			out = append(out, word)
		}
	}
	return out
}

// key is the set as a map key.
func (s set[T]) key() string {
	end := len(s)
	for end > 0 && s[end-1] == 0 {
		end--
	}
	b := make([]byte, 0, end*8)
	for _, word := range s[:end] {
		for shift := 0; shift < 64; shift += 8 {
			b = append(b, byte(word>>shift))
		}
	}
	return string(b)
}
