package filesource

// stretch is a part of a file on its way through the chain that doc.go describes: the
// bytes of the file, decompressed, and the text that framing sees. As long as nothing
// is transcoded or unwrapped they are the same.
type stretch struct {
	text []byte
}

// read takes the file's bytes at its offset through the links between decompressing
// and framing. ended says that nothing will follow them.
func (f *file) read(data []byte, ended bool) stretch {
	return stretch{text: data}
}

// origin is how many bytes of the file the first n bytes of the text are. Every
// position, in what is saved as in what is said of a record, is one in the file.
func (s stretch) origin(n int) int { return n }
