// Package filesource follows audit files: it finds them by glob, tells them
// apart, reads what is new, cuts it into records, and survives every way in
// which files are rotated.
//
// A file is known by its device and inode while it is held open, which is as long
// as it exists, so that no inode can be reused behind our back. Over a restart an
// inode is only a hint: a saved position is taken only if keyed hashes of the
// first bytes of the file and of those before the position still agree. If they do
// not, or no saved position fits, the file is read from its start: what was sent
// before is found to be a duplicate by its _id, while a skipped record would be
// gone. No minimum size is needed.
//
// Records are cut by their braces, not by lines: NDJSON, pretty-printed and
// concatenated JSON and arrays need no setting and no decoder state in a saved
// position. A half-written record at the end waits for its rest. A stretch that is
// no record becomes a Fault with its place, and reading goes on behind it.
//
// A file that has a line near its start which names at least two of a record's
// members, by their keys or by the titles of the gateway's audit page, is a CSV file. Each row becomes the
// JSON text of a record; columns that are not known keep their header's text as
// key. A position stands between rows, and the header is read again from the start
// of the file.
//
// # The way of the bytes
//
// Each link takes what the one before it gives:
//
//	open        a regular file that a glob matches          discover.go
//	decompress  what its first bytes say it is packed in    decompress.go, pipe.go, unpack
//	transcode   another encoding into UTF-8                 chain.go, charset
//	unwrap      what a container or a log put around lines  chain.go, unwrap
//	frame       objects by their braces, or rows            frame.go, csvrows
//
// Positions count bytes of the file behind decompressing and before transcoding: a
// link that changes bytes tells by stretch.origin where they came from. Where a line
// around records is not done yet, a position is its start and how many bytes of the
// text behind that were passed on.
//
// What is not UTF-8, and in no encoding that is known or named, is a fault without its
// text; the file and a guess are said once.
//
// For a run that ends (Config.Once) every file is read to its end, more files than
// may be open at once in turn, and then its position may be forgotten. A pipe
// (Config.Reader) is read as a file is, but has no position; that it breaks is an
// error and not its end.
//
// It does not decode records, does not mask them, and does not know whether what it
// emitted arrived: the pipeline saves a batch's position once it did.
//
// Run owns all state of a Source and starts one goroutine, for file system
// notifications, which it waits for. Faults of single files are logged and counted
// and tried again; Run returns only the error of emit or of its context.
package filesource
