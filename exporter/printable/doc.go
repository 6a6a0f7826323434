// Package printable makes text that others wrote safe to show: what a record, a file's
// name or a server says must not move the cursor of a terminal, change its colours or the
// order of letters, or pretend to be another line.
//
// It is not masking: it hides nothing that can be read. It keeps no state and starts no
// goroutine.
package printable
