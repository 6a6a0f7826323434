// Package decode finds the fields of an audit record in its JSON text.
//
// It builds no maps and copies nothing: an event.Record holds slices of the
// text. What it does not know, or finds with a value of another kind than it
// expects, is handed on in Record.Extra; a record's shape is never a reason to
// refuse it. Where a key stands twice, the last one counts.
//
// It does not mask (its input is masked), does not derive anything from what a
// record says, and does not care what Elasticsearch accepts; that is package
// ecs.
//
// A Decoder belongs to one goroutine; the package starts none. Decode returns
// ErrNotObject, ErrNoTime or a *jsonscan.SyntaxError; New returns *RenameError.
// None of them carries a byte of a record.
package decode
