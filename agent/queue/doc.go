// Package queue holds what is between reading and Elasticsearch's answer.
//
// Queue is a first-in, first-out queue bounded by bytes, not by count: bytes count
// from Put until Free, so what a sender has in its hands is bounded too. Order
// releases positions: in the order in which they were added, stream by stream,
// however the answers came.
//
// It knows nothing of documents or of Elasticsearch, keeps nothing on disk, and
// starts no goroutine; both types may be used by several. Its only errors are those
// of the caller's context.
package queue
