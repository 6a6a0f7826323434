// Bench measures the agent, and every other shipper of logs it finds on this machine,
// on one workload: a file with a million audit events, read, parsed, masked, sent to a
// sink with an _id for each, and the place kept on disk. What a peer leaves out is
// counted: events that are missing or doubled, secrets that got through.
//
//	go run ./agent/bench                 compare; write agent/bench/results.md
//	go run ./agent/bench growth          how cost grows; write agent/bench/growth.md
//	go run ./agent/bench elasticsearch   the agent and a real Elasticsearch, with
//	                                     auditship-demo elasticsearch -- around it
//
// The configurations of the peers are in the folder peers: files that their users
// would recognise, doing the same work as the agent or less.
//
// It is for the machine of a developer, and for ratios within one run: absolute
// figures change with the machine and with what else runs there. It is never run by
// the tests. The sink runs in this process, each shipper in one of its own, one at a
// time.
package main
