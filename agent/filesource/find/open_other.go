//go:build !unix

package find

const nonblock = 0
