// Package jsonscan reads one JSON text token by token, straight from its bytes,
// without allocating and without decoding anything.
//
// The stages that look into a record (masking, decoding, building the document)
// share it, so that all of them agree on what the record's bytes mean: a masker
// and a decoder that disagree about an escape or a duplicate key are a leak.
//
// It is not a decoder: it builds no values, does not resolve duplicate keys and
// does not judge UTF-8. It checks the grammar of RFC 8259 strictly, except that
// bytes outside ASCII are passed through as they are.
//
// A Scanner belongs to one goroutine; the package starts none. The only error is
// *SyntaxError, which carries an offset and never a byte of the input.
package jsonscan
