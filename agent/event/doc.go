// Package event holds the types that travel through the agent: what a source
// read (Batch, Raw), what a record says once it is decoded (Record), and what
// became of it (Ledger's outcomes live in package health).
//
// Read it first, then agent/pipeline/pipeline.go.
//
// It is a leaf: it imports nothing of this module but jsonscan, starts no
// goroutine and returns no errors.
package event
