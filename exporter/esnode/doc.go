// Package esnode fetches and runs a real Elasticsearch for tests and the demo.
//
// The distribution is Elastic's own test zip from Maven Central
// (org.elasticsearch.distribution.integ-test-zip), pinned by SHA-256, unpacked
// once per machine into the user's cache folder. It holds the server, its HTTP
// and transport layer, and X-Pack core and security. What it leaves out and
// this project needs is added by a small plugin, compiled on first use from
// plugin/TestSupportPlugin.java.
//
// # What is real
//
// Bulk, search, mappings, templates, data streams, rollover, point in time,
// users, roles, API keys, TLS and the basic licence are Elasticsearch's own.
// The plugin adds GET and HEAD /, GET, PUT and DELETE _data_stream, the ILM policy
// API, ILM status and explain, and the index settings of ILM. They run as
// transport actions under the names of the real ones, with Elasticsearch's own
// requests, parsers, validation and answers: authorisation is the security
// layer's, not the plugin's, and a refusal is the real 403.
//
// # What is not
//
// No ILM runner: policies are stored (in the cluster state, so they survive
// Restart), listed and explained, but nothing rolls over or is deleted on
// time; call _rollover. Explain answers what the runner would have brought about
// a poll later: the write index waits for its rollover, an older one has completed
// its hot phase. PUT /INDEX/_ilm/stage puts an index into any other state, for
// tests of what can go wrong.
//
// No ingest processors, no scripts, no _reindex, _update_by_query or
// _delete_by_query, no field types wildcard, match_only_text or constant_keyword.
// The built-in index templates of the stack (logs, priority 100, and its kin)
// do not exist here: what must outrank them has to be tested by its priority.
//
// # Needs
//
// java and javac 17 or newer (21 for 9.x), mvn for the first fetch:
//
//	apt-get install openjdk-17-jdk-headless maven
//
// Options.Version or AUDITSHIP_TEST_ES_VERSION chooses among the versions that are
// pinned, 8.19.9 and 9.2.0. What the plugin has to say differently to each stands
// in plugin/8 and plugin/9.
//
// Elasticsearch refuses to run as root: started by root it runs as nobody. A
// start takes about seven seconds on two idle cores, half a gigabyte of heap.
//
// # Goroutines and errors
//
// A started Node owns one goroutine, which waits for the process; Stop and
// Kill wait for it. On Linux a node that is not paused dies with the process
// that started it, whatever ends that. Errors name the step and, when something
// is missing, the command that installs it; a node that ends during its start
// is reported with the last lines it logged.
package esnode
