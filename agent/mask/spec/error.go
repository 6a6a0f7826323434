package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a rules file. It holds nothing of a key's material.
type Error struct {
	File   string
	Line   int    // from 1; 0 where the file could not be read
	Column int    // from 1
	Key    string // path of the key in the file, such as masking.rules[2].action
	// Problem says what is wrong, in one line.
	Problem string
	// Suggestion is the word that was probably meant, or "".
	Suggestion string
	// Text is the line of the file, or "" where there is none.
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

// Errors are all mistakes of the rules files, in the order of their places.
type Errors []*Error

// Error prints one mistake a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Quoted prints each mistake with its line below it and a mark under its column,
// for a person.
func (e Errors) Quoted() string {
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

// How much of a line Quoted shows on either side of the mistake, in characters.
const (
	shownBefore = 60
	shownBehind = 40
)

// WithText fills in the lines of the files.
func (e Errors) WithText(files map[string][]byte) Errors {
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

// Sorted puts the mistakes of each file in the order of the file.
func (e Errors) Sorted() Errors {
	slices.SortStableFunc(e, func(a, b *Error) int {
		if a.File != b.File {
			return 0
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e
}

// Nearest finds the word that was probably meant: at most a third of its
// letters differ.
func Nearest(word string, candidates []string) string {
	best, least := "", len(word)/3+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with
// their neighbours (optimal string alignment).
func distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost++
			}
			next[j+1] = min(cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
