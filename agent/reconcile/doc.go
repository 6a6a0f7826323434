// Package reconcile compares what a gateway recorded with what Elasticsearch holds:
// the proof that the trail is whole, and the way to find what was done to it since.
//
// Both sides are walked through a period in windows. Each record that the gateway's
// audit API gives takes the agent's own way to a document (package pipeline), and is
// looked for by its _id. Four differences are told:
//
//	missing     the gateway has the record, no backing index has its document
//	altered     a field of the document is not what the record says
//	unexpected  the document is there, the gateway has no such record
//	twice       more than one backing index has the document
//
// Fields are compared from a fixed list (fields.go). Those that an active masking rule
// may change are left out and named, because rules may have been others when a
// document was made. Of what the agent derives only the outcome is compared; bodies and
// headers are not.
//
// A first look is never believed where it says that something is wrong: what search
// does not find is asked for by realtime get in every backing index, and the gateway
// is asked again for what it did not have. So an agent may be at work meanwhile.
//
// It changes nothing, unless it is told to repair: then it sends the missing documents
// as the agent would. It does not touch positions, writes no dead letters, and takes
// no lock.
//
// Memory holds one window's ids and compared values, at most a few megabytes where the
// configured page_size is the default, and a bounded number of differences. Run works
// in the goroutine that calls it; reading a page ahead is package report's.
//
// Errors: one that wraps peer.ErrUnreachable if the gateway or Elasticsearch did not answer
// for long; *apisource.Error and *exporter.Error if they refuse. None quotes a record.
package reconcile
