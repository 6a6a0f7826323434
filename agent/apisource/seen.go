package apisource

// maxSeen bounds how many records are remembered, some 40 bytes each.
const maxSeen = 1 << 18

// seen remembers the records of the last day that were emitted.
type seen map[key]int64 // their time

// add remembers a record, unless it is remembered already.
func (s seen) add(r Record) (news bool) {
	if _, again := s[r.key]; again {
		return false
	}
	s[r.key] = r.At
	return true
}

// count is how many records of a time are remembered.
func (s seen) count(from, to int64) (n int64) {
	for _, at := range s {
		if at >= from && at < to {
			n++
		}
	}
	return n
}

// forget forgets the records before a time.
func (s seen) forget(before int64) {
	for k, at := range s {
		if at < before {
			delete(s, k)
		}
	}
}
