// Package demo shows the whole of auditship on one machine in about a minute: a
// real Elasticsearch, a simulated gateway that writes audit files, the real agent
// as a process of its own with its own key, both stories of the README, tampering that
// reconcile finds, and the proof that every record is there once and no planted secret
// anywhere.
//
// Nothing in it is part of the agent. It prints what it does as it does it, and
// fails if anything is not as the README promises. Run waits for every process and
// goroutine it starts.
package demo
