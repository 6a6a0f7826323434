// Package paths tells the places of a record apart, as far as rules speak of
// them. Patterns such as **.key-auth.key are compiled into one [Graph], a
// nondeterministic automaton over keys and elements; a [Places] walks it while a
// record is read, and remembers each set of states it meets as a [Node].
//
// A step is one lookup in a table. Keys that no pattern mentions share one
// class, so a place needs few edges. The package reads no JSON. A Graph never
// changes and may be shared; a Places belongs to one goroutine, and the package
// starts none. Only [Parse] returns errors.
package paths
