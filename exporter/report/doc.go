// Package report answers questions about the audit trail with a file: it finds
// the records that a Query describes and writes them as CSV, JSON, NDJSON or a
// table for a terminal, with the columns of the gateway's own audit page first.
//
// Run reads a point in time of the data stream page by page, so records that
// arrive meanwhile change nothing, and memory stays flat whatever the number
// of records. It ends well only if it wrote exactly as many records as
// Elasticsearch counted. When Elasticsearch loses the point in time (a node
// restarted, the reader of the output slept), Run opens another and goes on
// after the last record: each record that was there at the start is still
// written once, and Summary.Views says that it happened.
//
// Scan reads in the same way for a program instead of a person.
//
// File writes a report to disk so that it is there whole or not at all, with
// its count and SHA-256 in a file beside it.
//
// It is not a query language and does not change anything in Elasticsearch: the
// index privilege read is enough (role auditship_analyst). It does not sign in
// either: the exporter.Client does.
//
// Run and Scan start one goroutine, which fetches the next page while the last is
// being written, and wait for it.
//
// Errors: a Query or Options that make no sense are *UsageError; a data stream
// that is not there is ErrNoStream; a refusal is an *exporter.Error, wrapped
// with the privilege it needs; no answer is peer.ErrUnreachable. None of them
// quotes a record.
package report
