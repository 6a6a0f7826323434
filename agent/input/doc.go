// Package input makes what the configuration says of an input ready for use.
//
// It reads no record and starts no goroutine: that is for the sources, packages
// filesource and apisource.
package input
