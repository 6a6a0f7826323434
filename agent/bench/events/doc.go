// Package events makes audit events as a busy gateway writes them, for
// measurements: the same events for the same seed, with the number of the event in
// its id, so that a sink knows which ones arrived, and with secrets that a sink
// recognises: a key that begins with "a7ee-", a token "Bearer eyJ…", "ak_…", "pw_…",
// and addresses at example.com.
//
// It is no simulated gateway (that is api7sim): it makes nothing but lines, and many
// of them. It starts no goroutine and returns only the errors of its writer.
package events
