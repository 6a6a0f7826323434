// Package deadletter keeps, on local disk, what could not become a document in
// Elasticsearch: one JSON object a line, masked, with the reason, the place it came
// from, and the finished document where there is one.
//
// A folder holds letters.ndjson, to which Append adds, and replay-*.ndjson, which a
// replay has taken aside. Every access to the folder's set of files is made under a
// lock that is held for that moment only, so replay and the agent can work side by
// side. What is torn by a crash is one line; readers skip and count it.
//
// It is not a queue: nothing is sent again unless somebody asks for it. It computes
// nothing anew: a document is sent as it was finished, under its own _id. It starts
// no goroutine, and a Box may be used by several. Files have mode 0600, the folder
// 0700. Append returns ErrFull when the folder has reached its size; nothing is ever
// dropped to make room.
package deadletter
