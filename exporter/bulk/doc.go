// Package bulk puts documents into an Elasticsearch data stream and says of
// each what became of it.
//
// It is not a queue and it keeps nothing: Sender.Send blocks until every
// document it was given has its final verdict, however long Elasticsearch is
// slow, full or gone, and the caller decides what that means for its place in
// the input. It is not a general bulk client either: the only operation is
// create, and documents carry their own _id.
//
// # Once, in a stream of many indices
//
// op_type=create finds a duplicate in the write index alone, so a document is
// sent blind only where no older backing index can hold it; every other one is
// looked up first. lookup.go has the rule, backing.go what is known of the
// indices.
//
// # One verdict for every answer
//
// verdict.go is the table. An answer that blames the document ends in a
// verdict. One that blames anything else (rights, blocks, missing templates,
// overload) never does: Send waits, tries that document again and says so
// through Config.Notify. A document whose answer was lost is in doubt and is
// looked up before it is sent again.
//
// # Goroutines and errors
//
// A Sender starts no goroutine and may be used by many. Send returns nil when
// every document has its verdict, ctx.Err() when ctx ended first, or what the
// caller's verdict function returned. No error, condition or verdict carries
// the server's reason texts, which may quote a document.
package bulk
