// Package contain keeps a failure of the agent itself, a panic, to the part in
// which it happened, and what the panic says about a record out of logs and errors.
//
// It is a leaf: it imports nothing of this module and starts no goroutine.
package contain
