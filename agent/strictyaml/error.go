package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a file.
type Error struct {
	File   string // as it was named by the caller
	Line   int    // from 1; 0 where the file could not be read at all
	Column int    // in characters, from 1
	Key    string // path of the key, such as inputs[0].paths; "" for a mistake of YAML
	// Problem says what is wrong, in one line.
	Problem string
	// Suggestion is the name that was probably meant, or "".
	Suggestion string
	// Text is the line of the file, where Quote put it; "" otherwise.
	Text string
}

// Error prints file:line:column: key: problem (did you mean "suggestion"?).
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Problem)
	if e.Suggestion != "" {
		fmt.Fprintf(&b, " (did you mean %q?)", e.Suggestion)
	}
	return b.String()
}

// Errors are the mistakes of one or several files.
type Errors []*Error

// Error prints one mistake a line and, where Quote put it there, the line of the
// file below it with a mark under the mistake's column.
func (e Errors) Error() string {
	var b strings.Builder
	for i, one := range e {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(one.Error())
		if runes := []rune(one.Text); one.Column > 0 && one.Column <= len(runes) {
			from := max(0, one.Column-1-shownBefore)
			to := min(len(runes), one.Column-1+shownBehind)
			fmt.Fprintf(&b, "\n    %s\n    %s^", string(runes[from:to]), strings.Repeat(" ", one.Column-1-from))
		}
	}
	return b.String()
}

// How much of a line is shown on either side of a mistake, in characters.
const (
	shownBefore = 60
	shownBehind = 40
)

// Quote fills in the lines of the files, by their names. It is not for files that
// may hold a secret.
func (e Errors) Quote(files map[string][]byte) Errors {
	for _, one := range e {
		lines := strings.Split(string(files[one.File]), "\n")
		if one.Line > 0 && one.Line <= len(lines) {
			one.Text = strings.ReplaceAll(strings.TrimRight(lines[one.Line-1], "\r"), "\t", " ")
		}
	}
	return e
}

// Unwrap lets errors.As find the single mistakes.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// Sorted puts the mistakes of each file in the order of the file, and the files in
// the order of their first mistakes.
func (e Errors) Sorted() Errors {
	files := map[string]int{}
	for _, one := range e {
		if _, known := files[one.File]; !known {
			files[one.File] = len(files)
		}
	}
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e
}
