// Package api7sim is a simulated API7 Enterprise gateway: audit records that look
// like the gateway's own, made from a seed, with secrets planted in them, and the
// audit API that serves them.
//
// The shape of a record is that of the published audit API (versions 3.2.9.5 to
// 3.2.14.6 of the admin API specification); the list of operations in
// operations.tsv is that specification's. How the gateway names its event types is
// not published beyond one example ("Add Service"): the names here follow it.
//
// It is for tests and the demo only and is never part of the agent. A Generator
// belongs to one goroutine.
package api7sim
