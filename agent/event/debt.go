package event

import "time"

// Debt is something that an input has, or may have, and that is not delivered: it
// waits for more than the next look. Every debt shows on the log (warn), in /readyz,
// in the metric auditship_owed and in auditship state, until it is paid.
//
// A source tells of a debt when it arises and whenever it changes, and once more, with
// Ended set, when it is none any more. Input, Kind and Key say which debt is meant.
// Many that are alike (400 files without a free descriptor) are one debt with a Count.
type Debt struct {
	// Input is the id of the input that owes it.
	Input InputID  `json:"input"`
	Kind  DebtKind `json:"kind"`
	// Key tells the debts of one kind apart: a window of time, the path of a
	// file; "" where an input has only one of the kind.
	Key string `json:"key,omitempty"`
	// Reason says for a person what is owed and what happens or helps. It holds
	// nothing of a record.
	Reason string `json:"reason"`
	// Count is how many things it stands for; 0 counts as one.
	Count int64 `json:"count,omitempty"`
	// Since is when it arose. Zero: when it is told of for the first time.
	Since time.Time `json:"since"`
	// Ended says how it ended, "" while it is open.
	Ended string `json:"-"`
}

// DebtKind is a kind of Debt. It is a label of metrics.
type DebtKind string

// The kinds of debts.
const (
	DebtUnread     DebtKind = "unread"          // was not read to its end within its interval
	DebtUnproven   DebtKind = "unproven_window" // an audit API counts more records than it shows
	DebtForgetting DebtKind = "gateway_forgets" // the gateway will delete, or has deleted, records that were not read
	DebtUnreadable DebtKind = "unreadable"      // a file or folder that cannot be opened, read or searched
	DebtNoMatch    DebtKind = "no_match"        // paths that match nothing, files that yield nothing
	DebtSetAside   DebtKind = "set_aside"       // a file that is no text and is not read
)

// DebtKinds are all kinds of debts.
var DebtKinds = []DebtKind{DebtUnread, DebtUnproven, DebtForgetting, DebtUnreadable, DebtNoMatch, DebtSetAside}
