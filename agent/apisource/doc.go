// Package apisource reads audit records from the gateway's audit API, GET
// /api/audit_logs, as a stream that misses nothing.
//
// The API knows no cursor. It gives the records of a window of time, page by page,
// and records may come into a window late. So the source asks for windows that end
// where the gateway's own clock stands (its answers' Date, not the agent's clock),
// in ascending order, and reads each until a pass over its pages proves complete:
// the total did not change meanwhile and as many different records came. What moves
// between pages while they are read (inserts, deletions, an unstable order of equal
// times) breaks that proof, and the window is read again, then in halves.
//
// The cursor stays an overlap behind the gateway's clock, and everything after it is
// read again before it moves on, so a record that comes late within the overlap is
// found. What was handed over before is recognised by its id; that is only thrift,
// because a repeated record has the _id it had. Two counts find more: the total of
// the overlap tells at each poll whether something came late, and the total of the
// day before tells whether something came later than the overlap allows. No position
// is later than the earlier of the gateway's clock and the agent's.
//
// A window of which the gateway counts more records than it shows is a debt (debts.go):
// it is told, saved with the position, and read again with growing pauses until it is
// complete or the gateway does not count those records any more. Newer records do not
// wait for it.
//
// What the API's specification leaves open is found out at the start: whether times
// are seconds or milliseconds, whether the bounds belong to the window, and how many
// records a page may have. Where it cannot be told, windows are asked for with a
// margin.
//
// It does not decode records, does not mask them, and does not know whether what it
// emitted arrived: the pipeline saves a batch's position once it did.
//
// A Source runs in the goroutine that calls Run and starts none. A Client, and the
// Reader over it, belong to one goroutine. Run returns only the error of emit or of
// its context: everything else is waited out and told through Config.Condition. The
// Client returns *Error; none of them, and no log line, carries the token, an
// answer's text or a record.
package apisource
