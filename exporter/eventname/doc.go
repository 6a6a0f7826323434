// Package eventname knows what an event type is called where people read it: "Add
// Service" for AddService, as on the gateway's audit page.
//
// The gateway's own list of names counts first; it is read by the agent from the audit
// API. This package stands in where there is none, as for records that come by file,
// with a rule and a table of words that are written in capitals. It also knows in which
// other ways a name may have been recorded, so that one filter finds them all.
//
// It is a leaf: it imports nothing of this module, starts no goroutine and returns no
// errors.
package eventname
