// Package sink imitates what of Elasticsearch a shipper of logs needs, far faster
// than any shipper, and accounts for every event of package events by the number in
// its id: what arrived, what is missing, what came again, and what was not masked.
//
// It is no Elasticsearch: it keeps nothing but a bit for each event, it checks no
// document, and a look-up finds nothing. Its data stream has one backing index, made
// on 2026-01-01.
//
// A Sink starts no goroutine; its Handler may be called from any.
package sink
