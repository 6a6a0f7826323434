// Package exporter is the Elasticsearch client that everything in this module
// shares: one place for addresses, TLS, credentials and errors.
//
// It is not a queue and does not retry: go-elasticsearch's transport would send
// a broken request again by itself, which is wrong for a bulk request whose
// answer was lost, so its retries are off and the callers decide (bulk by the
// verdict of each item, setup not at all).
//
// A Client starts no goroutine of its own and is safe for concurrent use.
// Errors of the server are *Error, errors of the network are wrapped as they
// are. Neither carries the server's reason text, which may quote field values.
package exporter
