//go:build !linux

package cli

func keepOutOfDumps() {}
