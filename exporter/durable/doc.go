// Package durable keeps files that must survive a crash and cannot be led
// astray: the saved positions, the keys, the dead letters, a report.
//
// A file that is replaced is written under a random name beside its own, synced,
// renamed and its folder synced, so that a reader finds all of the new or all of
// the old. Everything is opened below the folder (os.Root), no symbolic link is
// followed, and only regular files of this user are touched: whoever could put a
// link there would otherwise choose what gets truncated or appended to, as root
// perhaps.
//
// It is no store: it knows no format and takes no lock. It starts no goroutine.
// Errors are those of package os with what was tried before them; a folder that
// is not this user's own is a *NotPrivateError.
package durable
