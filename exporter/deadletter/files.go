package deadletter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// files knows the names in a folder of dead letters.
type files struct {
	dir       string
	stem, ext string // of the file that is added to
	locks     string // what the names of the locks begin with
}

// inFolder are the names in a folder of their own.
func inFolder(dir string) files { return files{dir: dir, stem: "letters", ext: ".ndjson"} }

// besideFile are the names around a file that somebody chose.
func besideFile(path string) files {
	dir, name := filepath.Split(filepath.Clean(path))
	ext := filepath.Ext(name)
	return files{dir: filepath.Clean(dir), stem: strings.TrimSuffix(name, ext), ext: ext, locks: name + "."}
}

// letters is the file that is added to.
func (f files) letters() string { return filepath.Join(f.dir, f.stem+f.ext) }

// numbered is the path of a closed file.
func (f files) numbered(n int) string {
	return filepath.Join(f.dir, fmt.Sprintf("%s-%08d%s", f.stem, n, f.ext))
}

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

// closed lists the paths of the closed files in the order in which they were
// written. A folder that is not there has none.
func (f files) closed() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the dead letters: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		if n := f.number(e.Name()); n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	paths := make([]string, len(numbers))
	for i, n := range numbers {
		paths[i] = f.numbered(n)
	}
	return paths, nil
}
