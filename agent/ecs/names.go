package ecs

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
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
	mu      sync.Mutex
	seed    maphash.Seed
	index   namesIndex
	entries int
	ring    []byte // entries from head to tail, wrapping once
	head    int
	tail    int
	end     int // where the entries before the wrap end; 0 where there is none
	key     []byte
}

// An entry is: its own size (4 bytes), the hash (8), the lengths of key, type
// and name (2 each), then these.
const entryHeader = 4 + 8 + 3*2

// usualEntry is less than what an entry takes that has a UUID.
const usualEntry = 64

// NewNames returns a memory of this many bytes (and about half as many again
// for the index). 0 is DefaultNamesBytes.
func NewNames(size int) *Names {
	if size <= 0 {
		size = DefaultNamesBytes
	}
	return &Names{seed: maphash.MakeSeed(), index: newNamesIndex(size / usualEntry), ring: make([]byte, size)}
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
	offset, ok := n.index.get(hash)
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
	n.index.put(hash, n.tail)
	n.tail += size
	n.entries++
}

// makeRoom forgets the oldest entries until size bytes are free at the tail and one
// more fits into the index.
func (n *Names) makeRoom(size int) {
	for n.entries > 0 && n.entries >= n.index.most() {
		n.forgetOldest()
	}
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
	n.index.remove(binary.LittleEndian.Uint64(e[4:]), n.head)
	n.entries--
	n.head += int(binary.LittleEndian.Uint32(e))
	if n.head == n.end {
		n.head, n.end = 0, 0
	}
}

// namesIndex finds entries by their hash: open addressing with linear probing, each
// slot a half of the hash and 1 + the entry's offset, 0 where it is free. It costs a
// fraction of a map, which every record would change.
type namesIndex []uint64

// newNamesIndex makes an index for so many entries.
func newNamesIndex(entries int) namesIndex {
	return make(namesIndex, 1<<bits.Len(uint(2*max(entries, 8)-1)))
}

// most is how many entries it may hold.
func (x namesIndex) most() int { return len(x) / 2 }

// home is where the search for a hash, or for what a slot holds, begins.
func (x namesIndex) home(hashOrSlot uint64) int { return int(hashOrSlot>>32) & (len(x) - 1) }

// find is the slot of a hash, or the free one where it would be.
func (x namesIndex) find(hash uint64) int {
	i := x.home(hash)
	for x[i] != 0 && x[i]>>32 != hash>>32 {
		i = (i + 1) & (len(x) - 1)
	}
	return i
}

func (x namesIndex) get(hash uint64) (offset int, ok bool) {
	slot := x[x.find(hash)]
	return int(uint32(slot)) - 1, slot != 0
}

// put enters an offset. It replaces that of another entry with the same half of a
// hash.
func (x namesIndex) put(hash uint64, offset int) {
	x[x.find(hash)] = hash>>32<<32 | uint64(offset+1)
}

// remove takes out a hash unless it leads to a later entry by now, and closes the gap.
func (x namesIndex) remove(hash uint64, offset int) {
	gap := x.find(hash)
	if int(uint32(x[gap])) != offset+1 {
		return
	}
	mask := len(x) - 1
	for i := (gap + 1) & mask; x[i] != 0; i = (i + 1) & mask {
		if (i-x.home(x[i]))&mask >= (i-gap)&mask { // it may stand there
			x[gap] = x[i]
			gap = i
		}
	}
	x[gap] = 0
}
