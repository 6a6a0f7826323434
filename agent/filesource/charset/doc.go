// Package charset turns a file's bytes into UTF-8 where the file is in another
// encoding, and says for every place in the result which byte of the file it came
// from.
//
// Detect tells UTF-16 and UTF-32, with a byte order mark or without. Every other
// encoding has to be named (Lookup), because single bytes above 127 look the same
// in all of them; Guess is for the message that asks a person to name it.
//
// Only encodings that can be decoded from the start of any character are known. So
// a place in a file is all that has to be saved to go on there, and no decoder has
// a state that could be lost. ISO-2022-JP and HZ, which shift, are refused by name.
//
// What is no character of the encoding stays broken in the result, as one byte 0xFF
// that no UTF-8 text can hold. It never becomes U+FFFD, so whoever checks for valid
// UTF-8 finds it.
//
// Text is memory that is used again, not safe for use by several goroutines; a
// Charset is immutable. The package starts no goroutine, reads nothing by itself
// and keeps no more than the stretch that it was given.
package charset
