// Package install has the words in which setup speaks about what it installs,
// whatever the server: how an object stands to the one shipped, what a plan would
// do to it, and what a proof found.
//
// Packages mappings (Elasticsearch) and kibana install; this one only knows the
// vocabulary they share. It sends nothing and starts no goroutines.
package install
