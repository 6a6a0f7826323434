package diagnose

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"
)

// Part is one file of the bundle.
type Part struct {
	Name string
	// About says in a line what it is.
	About string
	// Text gives its content. Its error becomes the content.
	Text func() ([]byte, error)
}

// maxPart bounds a part, in bytes; the end of a longer one is kept.
const maxPart = 8 << 20

// Write writes the parts as a gzipped tar archive with a README that lists them, below
// a folder of this name. It reports the names of the parts that could not be had.
func Write(w io.Writer, folder string, at time.Time, parts []Part) (missing []string, err error) {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	add := func(name string, text []byte) error {
		if len(text) > maxPart {
			text = text[len(text)-maxPart:]
		}
		header := &tar.Header{Name: folder + "/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: at}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
		_, err := t.Write(text)
		return err
	}
	readme := "Collected by auditship diagnose. No record content and no secrets are in it; names of\nhosts, files and inputs are.\n\n"
	for _, p := range parts {
		readme += fmt.Sprintf("%-20s %s\n", p.Name, p.About)
		text, fault := p.Text()
		if fault != nil {
			missing = append(missing, p.Name)
			text = append(text, "could not be had: "+fault.Error()+"\n"...)
		}
		if err := add(p.Name, text); err != nil {
			return missing, fmt.Errorf("write %s: %w", p.Name, err)
		}
	}
	err = errors.Join(add("README", []byte(readme)), t.Close(), z.Close())
	return missing, err
}
