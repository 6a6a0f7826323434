//go:build !unix

package filesource

// descriptors is how many the process may hold.
func descriptors() int { return usualDescriptors }
