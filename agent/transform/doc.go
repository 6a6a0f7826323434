// Package transform is the middle of a record's way:
//
//	mask -> decode -> document
//
// A Plan is made of the configuration and holds what all inputs share; from it come
// Transformers, one for each goroutine. What they made of a batch is a Result: finished
// documents, dead letters, and counts that add up to what was read. Records without an
// id get their _id in a second step (Counters), which sees the batches of a stream in
// their order and tells equal records apart by how many came before.
//
// Converter takes single records of an audit API the same way, for a comparison;
// Restorer takes those that were once too large to be read.
//
// The package reads no input and sends nothing: the pipeline and package reconcile do,
// and both stand on it. It starts no goroutine. A record never makes it fail: what
// cannot become a document becomes a dead letter.
package transform
