// Package rule holds compiled rules: which one wins where several select a
// value, what an action makes of the value, and how the marker is recognised
// that it leaves behind.
//
// It does not select anything: paths, names and detectors do. A [Set] never
// changes once it is complete; an [Applier] belongs to one goroutine. The
// package starts none and returns no errors.
package rule
