// Package diagnose collects what somebody needs to help with an agent, in one archive
// that is safe to send to a stranger: nothing of a record, no secret.
//
// That holds because of where each part comes from: the configuration with *** for
// secrets and references as they are written, metrics and readiness, which have no
// record content, positions, the reasons of dead letters without the letters, and the
// log, in which no level writes content and which runs through the masking rules once
// more. Names of hosts, files and inputs are in it, and addresses.
//
// A part that cannot be had is a line that says why; the others are there all the same.
// The package starts no goroutine.
package diagnose
