// Package history tells what was done to one resource of the gateway: every operation
// in order, and what each changed of the recorded object, as `git log -p` does for a
// file.
//
// Audit records hold requests and answers, not states. So the object is followed from
// record to record: a creation and a PUT carry it whole, a PATCH (RFC 7396) a part of
// it, and what an answer says of it is laid over that. What is compared are these
// states. The first record that is found has nothing to be compared with unless
// it creates the object; [Operation.FromNothing] says so.
//
// Masked values are compared as they are stored: a secret that changed shows only where
// its rule keeps a keyed hash of it.
//
// It is not a view of the gateway as it is now, and it reads nothing but the data stream
// (the role auditship_analyst is enough). It starts no goroutine of its own; errors are
// those of package report.
package history
