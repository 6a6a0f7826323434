// Package health says how the agent is: the ledger that accounts for every record,
// the conditions that keep it from working, the inputs' readiness (Inputs: when each
// was read to its end, and what it owes), the counters of its parts, and the HTTP
// server that shows them as /livez, /readyz and /metrics. On an address of its own it
// shows Go's profiles.
//
// It decides nothing and holds nothing of a record: labels are ids of inputs, names
// of rules and verdicts. Serve and ServeProfiles own the goroutines of their server and
// end them with their context; everything else may be called from any goroutine.
package health
