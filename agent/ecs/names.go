package ecs

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
)

// DefaultNamesBytes is what a memory of resource names takes by default: the
// names of some ten thousand resources.
const DefaultNamesBytes = 1 << 20

// Names remembers the type and name under which a resource was last seen, for
// records that give its id alone. It holds what was put in last, up to a fixed
// number of bytes, and forgets the oldest. It is filled from masked records
// only, lives in memory only, and may be used by several goroutines.
type Names struct {
	mu    sync.Mutex
	seed  maphash.Seed
	index map[uint64]uint32 // hash of gateway and id -> offset of the entry
	ring  []byte            // entries from head to tail, wrapping once
	head  int
	tail  int
	end   int // where the entries before the wrap end; 0 where there is none
	key   []byte
}

// An entry is: its own size (4 bytes), the hash (8), the lengths of key, type
// and name (2 each), then these.
const entryHeader = 4 + 8 + 3*2

// NewNames returns a memory of this many bytes (and about half as many again
// for the index). 0 is DefaultNamesBytes.
func NewNames(size int) *Names {
	if size <= 0 {
		size = DefaultNamesBytes
	}
	return &Names{seed: maphash.MakeSeed(), index: map[uint64]uint32{}, ring: make([]byte, size)}
}

// put remembers what a resource is and is called. An empty kind or name leaves
// what was known of it.
func (n *Names) put(gateway string, id, kind, name []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	hash := n.hash(gateway, id)
	oldKind, oldName, known := n.find(hash)
	if len(kind) == 0 {
		kind = oldKind
	}
	if len(name) == 0 {
		name = oldName
	}
	if known && string(kind) == string(oldKind) && string(name) == string(oldName) {
		return
	}
	n.add(hash, kind, name)
}

// get appends what the resource was last seen as to dst; kind and name are nil
// where that is not known.
func (n *Names) get(dst []byte, gateway string, id []byte) (buf, kind, name []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k, v, _ := n.find(n.hash(gateway, id))
	from := len(dst)
	dst = append(append(dst, k...), v...)
	return dst, dst[from : from+len(k)], dst[from+len(k):]
}

// hash sets n.key, by which entries are told apart, and hashes it.
func (n *Names) hash(gateway string, id []byte) uint64 {
	n.key = append(append(append(n.key[:0], gateway...), 0), id...)
	return maphash.Bytes(n.seed, n.key)
}

func (n *Names) find(hash uint64) (kind, name []byte, ok bool) {
	offset, ok := n.index[hash]
	if !ok {
		return nil, nil, false
	}
	e := n.ring[offset:]
	k := int(binary.LittleEndian.Uint16(e[12:]))
	t := int(binary.LittleEndian.Uint16(e[14:]))
	l := int(binary.LittleEndian.Uint16(e[16:]))
	e = e[entryHeader:]
	if string(e[:k]) != string(n.key) {
		return nil, nil, false // another resource with the same hash
	}
	return e[k : k+t], e[k+t : k+t+l], true
}

// add writes an entry under n.key at the tail. kind and name may lie in the
// ring themselves.
func (n *Names) add(hash uint64, kind, name []byte) {
	const longest = 1 << 10 // of each; what is longer is no name to remember
	size := entryHeader + len(n.key) + len(kind) + len(name)
	if len(n.key) > longest || len(kind) > longest || len(name) > longest || size > len(n.ring)/4 {
		return
	}
	n.key = append(append(n.key, kind...), name...)
	n.makeRoom(size)
	e := n.ring[n.tail:]
	binary.LittleEndian.PutUint32(e, uint32(size))
	binary.LittleEndian.PutUint64(e[4:], hash)
	binary.LittleEndian.PutUint16(e[12:], uint16(len(n.key)-len(kind)-len(name)))
	binary.LittleEndian.PutUint16(e[14:], uint16(len(kind)))
	binary.LittleEndian.PutUint16(e[16:], uint16(len(name)))
	copy(e[entryHeader:], n.key)
	n.index[hash] = uint32(n.tail)
	n.tail += size
}

// makeRoom forgets the oldest entries until size bytes are free at the tail.
func (n *Names) makeRoom(size int) {
	if n.end == 0 && len(n.ring)-n.tail < size {
		n.end, n.tail = n.tail, 0
	}
	for n.end != 0 && n.head-n.tail < size {
		n.forgetOldest()
		if n.end == 0 && len(n.ring)-n.tail < size {
			n.end, n.tail = n.tail, 0
		}
	}
}

func (n *Names) forgetOldest() {
	e := n.ring[n.head:]
	if hash := binary.LittleEndian.Uint64(e[4:]); n.index[hash] == uint32(n.head) {
		delete(n.index, hash)
	}
	n.head += int(binary.LittleEndian.Uint32(e))
	if n.head == n.end {
		n.head, n.end = 0, 0
	}
}
