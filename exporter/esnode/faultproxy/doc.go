// Package faultproxy stands between a client and a real Elasticsearch and does to
// their requests what networks, balancers and overloaded clusters do: it is slow,
// refuses some or all of a bulk request, loses answers that were given, breaks off
// in the middle of either direction, and resets connections.
//
// It is for tests only, and no mock: what it does not refuse, the node does, and a
// fault after the fact is one that Elasticsearch knows nothing of.
//
// A Proxy owns the goroutines of its HTTP server; Close waits for none but breaks
// every connection. When the node does not answer, the client gets a 502, as from
// any other proxy.
package faultproxy
