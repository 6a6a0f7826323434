// Package pipeline wires the way of a record and owns every goroutine on it:
//
//	source -> mask -> decode -> document -> queue -> bulk -> verdict -> checkpoint
//
// Read pipeline.go: it is the whole way in one file. Mask, decode and document are
// package transform. The other files hold one step each: sequence.go (back in order,
// into the queue), deliver.go (bulk and verdict), positions.go (checkpoint), letters.go
// (dead letter), destination.go (what is known of Elasticsearch), notices.go (what waits), and
// build.go, which makes the parts from the configuration. dryrun.go is the way without
// its end; known.go skips dead letters that an earlier import of the same files
// already wrote, and alike.go records without an id that came under their id before.
//
// The package contains no policy of its own about files, masking, documents or
// Elasticsearch's answers; those are the stages'. What it guarantees is promise 2
// and 3 of the README: a position is saved only after every record before it is in
// Elasticsearch or in the dead letter, and every record that was read is accounted
// for in the ledger.
package pipeline
