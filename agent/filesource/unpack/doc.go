// Package unpack decompresses files: gzip, zstd, bzip2 and xz, each told by its
// first bytes and never by its name. It also names what a file is that cannot be
// read as text: archives, other compression, databases, documents (Foreign).
//
// Decompression runs forward only. To go on at a place, a file is decompressed
// again from its start; that is for the caller to do.
//
// The memory that a file's header may ask for is bounded (MaxWindow). A Reader is
// for one goroutine, and starts none; Close gives its memory back.
package unpack
