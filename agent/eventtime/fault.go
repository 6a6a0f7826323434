package eventtime

import (
	"unicode"
	"unicode/utf8"
)

// Problem says in a few words why a time cannot be read.
type Problem string

// The problems.
const (
	Empty       Problem = "it is empty"
	TooLong     Problem = "it is too long for a time"
	Unknown     Problem = "its form is not known"
	Impossible  Problem = "there is no such date or time of day"
	DayOrMonth  Problem = "its day and month cannot be told apart"
	ShortYear   Problem = "its year has two digits"
	NoYear      Problem = "it names no year"
	NoDate      Problem = "it names no date"
	Relative    Problem = "it is relative to another time"
	UnknownZone Problem = "the abbreviation of its zone is not known or has several meanings"
	Serial      Problem = "it is the day number of a spreadsheet"
	Rounded     Problem = "it was rounded, as spreadsheets do with long numbers"
	Zero        Problem = "it is zero"
	TooOld      Problem = "it is before the year 2000"
	Ahead       Problem = "it is more than a day ahead"
)

// Fault is why a text is not taken for a time.
type Fault struct {
	Problem Problem
	// Shape is the text's form without its content, at most 40 characters:
	// "99/99/9999 99:99".
	Shape string
}

func (f *Fault) Error() string {
	if f.Shape == "" {
		return string(f.Problem)
	}
	return string(f.Problem) + " (of the form " + f.Shape + ")"
}

const longestShape = 40

// shape shows the form of a text.
func shape(text []byte) string {
	out := make([]byte, 0, longestShape)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if len(out) == longestShape {
			return string(out) + "..."
		}
		switch {
		case unicode.IsDigit(r):
			out = append(out, '9')
		case unicode.IsLetter(r):
			out = append(out, 'a')
		case unicode.IsSpace(r):
			out = append(out, ' ')
		case r > ' ' && r < 0x7f:
			out = append(out, byte(r))
		default:
			out = append(out, '?')
		}
	}
	return string(out)
}
