package mask

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/spec"
)

// Error is one mistake in a rules file, Errors are all of them.
type (
	Error  = spec.Error
	Errors = spec.Errors
)

// pack is the built-in rules file.
//
//go:embed builtin.yml
var pack []byte

// packName stands for the built-in rules in errors.
const packName = "built-in rules"

// Options say what rules refer to outside their files.
type Options struct {
	// NoDefaults leaves the built-in rules out, as defaults: off in a file
	// does. Default: they apply.
	NoDefaults bool
	// LookupEnv finds the environment variable of a key. Default: os.LookupEnv.
	LookupEnv func(name string) (string, bool)
	// ReadFile reads a rules file or the file of a key, and gives its
	// permissions. Default: the file system.
	ReadFile func(path string) ([]byte, fs.FileMode, error)
}

// Load reads rules files, adds the built-in rules, and runs the tests the
// files hold. It returns all mistakes of all files as Errors. Without files it
// gives the built-in rules alone.
func Load(files []string, opts Options) (*Rules, error) {
	l, err := load(files, opts)
	if err != nil {
		return nil, err
	}
	if failed := l.test(); len(failed) > 0 {
		return nil, failed
	}
	return l.rules, nil
}

// Test runs the tests of rules files and says how many there are and which
// failed. Files that cannot be loaded are an error, as for Load.
func Test(files []string, opts Options) (count int, failed Errors, err error) {
	l, err := load(files, opts)
	if err != nil {
		return 0, nil, err
	}
	return len(l.tests), l.test(), nil
}

// loaded is what files hold.
type loaded struct {
	rules *Rules
	tests []spec.Test
	texts map[string][]byte // by file
}

func (l *loaded) test() Errors { return runTests(l.rules, l.tests).Quote(l.texts) }

func load(files []string, opts Options) (*loaded, error) {
	if opts.LookupEnv == nil {
		opts.LookupEnv = os.LookupEnv
	}
	if opts.ReadFile == nil {
		opts.ReadFile = readFile
	}
	l := &loaded{texts: map[string][]byte{}}
	specs, errs := readFiles(files, opts, l.texts)
	c := newCompiler(opts)
	l.rules = c.compile(specs)
	if errs = append(errs, c.errs...); len(errs) > 0 {
		return nil, errs.Sorted().Quote(l.texts)
	}
	for i := range specs {
		l.tests = append(l.tests, specs[i].Tests...)
	}
	return l, nil
}

// readFiles parses the files and, unless one of them says otherwise, the
// built-in rules. It keeps the texts of the files.
func readFiles(files []string, opts Options, texts map[string][]byte) (specs []spec.File, errs Errors) {
	off := opts.NoDefaults
	for _, name := range files {
		text, _, err := opts.ReadFile(name)
		if err != nil {
			errs = append(errs, &Error{File: name, Problem: "cannot read the rules: " + reason(err)})
			continue
		}
		texts[name] = text
		file, more := spec.Parse(name, text, false)
		specs, errs, off = append(specs, file), append(errs, more...), off || file.Off
	}
	if !off {
		file, more := spec.Parse(packName, pack, true)
		specs, errs = append(specs, file), append(errs, more...)
	}
	return specs, errs
}

// Detectors lists the names of the detectors in the groups that rules know: the
// tokens of vendors, which are also called "vendors", and all others.
func Detectors() (vendors, others []string) {
	for i := range detect.Table {
		if row := &detect.Table[i]; row.Vendor {
			vendors = append(vendors, row.Name)
		} else {
			others = append(others, row.Name)
		}
	}
	return vendors, others
}

// Builtin gives the built-in rules alone.
func Builtin() *Rules {
	r, err := Load(nil, Options{})
	if err != nil {
		panic(fmt.Sprintf("the built-in rules are wrong: %v", err)) // a test loads them
	}
	return r
}

// maxRulesFile bounds a rules file, in bytes.
const maxRulesFile = 4 << 20

func readFile(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > maxRulesFile {
		return nil, 0, errors.New("larger than 4 MiB")
	}
	text, err := os.ReadFile(path)
	return text, info.Mode().Perm(), err
}

// reason is an error without the path and the system call.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}
