// Package detect finds secrets that are known by their looks, whatever their
// name or place: tokens of vendors, private keys, passwords in addresses, and
// personal data such as card numbers.
//
// Each detector is one row of [Table]: its name, the literals without which it
// finds nothing, what it looks for, and examples of both kinds, which a test
// runs. A [Filter] says in one pass over a text which rows can find something
// there, and which other shapes are worth reading; only those are tried.
//
// Detectors are pure functions from bytes to spans, in time linear in the
// text. None of them goes by randomness, which would take ids and digests for
// secrets. The package knows no rules, no records and no JSON, and starts no
// goroutines.
package detect
