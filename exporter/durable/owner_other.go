//go:build !unix

package durable

import "io/fs"

const nonblock = 0

// notPrivate, foreign and mine know nothing of owners where the system tells none that way.
func notPrivate(fs.FileInfo, string) string { return "" }

func foreign(fs.FileInfo) string { return "" }

func mine(fs.FileInfo) bool { return true }
