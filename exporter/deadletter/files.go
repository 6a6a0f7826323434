package deadletter

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/auditship/auditship/exporter/durable"
)

// files knows the names in a folder of dead letters.
type files struct {
	folder    *durable.Folder
	stem, ext string // of the file that is added to
	locks     string // what the names of the locks begin with
}

// inFolder are the names in a folder of their own.
func inFolder(d *durable.Folder) files { return files{folder: d, stem: "letters", ext: ".ndjson"} }

// besideFile are the names around a file that somebody chose.
func besideFile(d *durable.Folder, name string) files {
	ext := filepath.Ext(name)
	return files{folder: d, stem: strings.TrimSuffix(name, ext), ext: ext, locks: name + "."}
}

// letters is the file that is added to.
func (f files) letters() string { return f.stem + f.ext }

// numbered is a closed file.
func (f files) numbered(n int) string { return fmt.Sprintf("%s-%08d%s", f.stem, n, f.ext) }

// number is that of a closed file, 0 for any other name.
func (f files) number(name string) int {
	digits, ok := strings.CutPrefix(name, f.stem+"-")
	digits, also := strings.CutSuffix(digits, f.ext)
	n, err := strconv.Atoi(digits)
	if !ok || !also || err != nil || n < 0 {
		return 0
	}
	return n
}

// closed lists the closed files in the order in which they were written.
func (f files) closed() ([]string, error) {
	names, err := f.folder.Names()
	if err != nil {
		return nil, fmt.Errorf("list the dead letters: %w", err)
	}
	var numbers []int
	for _, name := range names {
		if n := f.number(name); n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	closed := make([]string, len(numbers))
	for i, n := range numbers {
		closed[i] = f.numbered(n)
	}
	return closed, nil
}
