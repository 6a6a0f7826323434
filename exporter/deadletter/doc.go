// Package deadletter keeps, on local disk, what could not become a document in
// Elasticsearch: one JSON object a line, masked, with the reason, the place it
// came from, and the finished document where there is one.
//
// It is not a queue: nothing is sent again unless somebody asks for it. It
// computes nothing anew: a document is sent as it was finished, under its own
// _id.
//
// # Files
//
// A folder holds letters.ndjson, to which Append adds, and letters-N.ndjson,
// which are closed: nothing is added to them, only a replay takes letters out,
// by putting a shorter file in their place. A file is closed when it is large
// enough or when a replay begins. The set of files is changed under the lock of
// the file "lock", which is held for that moment only, so an agent can append
// while a replay, in another process, works on what is closed. There is one
// replay at a time ("replay.lock").
//
// A crash leaves at most one torn line, at the end of letters.ndjson, of a
// letter whose Append had not returned; the next Append or Replay cuts it off.
// A crash of a replay loses nothing: letters that were taken but not yet
// removed are sent again, and found to be there.
//
// # Ownership and errors
//
// It starts no goroutine, and a Box may be used by several. Files have mode
// 0600, the folder 0700. Append returns ErrFull when the folder has reached its
// size; nothing is ever dropped to make room. A line that cannot be read is
// counted, left where it is and harms no other.
package deadletter
