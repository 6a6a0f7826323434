package eventtime

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// plain brings a written time to spaces, ASCII punctuation and small letters: the
// narrow space that newer systems write before PM, full-width signs, the Chinese
// words for year, month and day.
func plain(text []byte) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '：':
			return ':'
		case r == '，':
			return ','
		case r == '\u200e' || r == '\u200f' || r == '\ufeff': // marks of direction and order
			return -1
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case r == '\u2212': // minus
			return '-'
		}
		return unicode.ToLower(r)
	}, string(text))
	return chinese.Replace(s)
}

// chinese are words of pages in Chinese, Japanese and Korean; longer ones first.
var chinese = strings.NewReplacer(
	"年", "-", "月", "-", "日", " ", "号", " ",
	"时", ":", "時", ":", "点", ":", "分", ":", "秒", " ",
	"上午", " am ", "凌晨", " am ", "早上", " am ", "清晨", " am ",
	"下午", " pm ", "晚上", " pm ", "傍晚", " pm ", "中午", " noon ",
	"午前", " am ", "午後", " pm ", "오전", " am ", "오후", " pm ",
	"北京时间", " +08:00", "星期", " week", "周", " week",
)

// token is a number, a word or a sign of a written time.
type token struct {
	text  string
	kind  byte // '9', 'a' or the sign itself
	space bool // white space stands before it
}

// maxTokens bounds what is looked at.
const maxTokens = 32

func tokens(s string) []token {
	list := make([]token, 0, maxTokens)
	space := false
	for len(s) > 0 && len(list) < maxTokens {
		r, size := utf8.DecodeRuneInString(s)
		var kind byte
		switch {
		case r == ' ':
			space, s = true, s[1:]
			continue
		case r < utf8.RuneSelf && isDigit(byte(r)):
			kind, size = '9', span(s, func(r rune) bool { return r >= '0' && r <= '9' })
		case unicode.IsLetter(r):
			kind, size = 'a', span(s, func(r rune) bool { return unicode.IsLetter(r) })
		case r < utf8.RuneSelf:
			kind = byte(r)
		default:
			kind = '?'
		}
		list = append(list, token{s[:size], kind, space})
		space, s = false, s[size:]
	}
	return list
}

func span(s string, in func(rune) bool) int {
	if n := strings.IndexFunc(s, func(r rune) bool { return !in(r) }); n >= 0 {
		return n
	}
	return len(s)
}

// written is what was read of a written time so far.
type written struct {
	tokens []token
	local  *time.Location

	year, month, day     int
	hour, minute, second int
	nanos                int
	meridiem             string // am, pm, noon
	dated, timed         bool
	zone                 *time.Location
	abbreviation         string
	problem              Problem
}

// readWritten reads a time that is no number.
func readWritten(s string, local *time.Location) (time.Time, Problem) {
	w := written{tokens: tokens(s), local: local}
	for len(w.tokens) > 0 && w.problem == "" {
		w.next()
	}
	return w.finish()
}

// next reads what the tokens begin with.
func (w *written) next() {
	t := w.tokens[0]
	switch {
	case t.kind == '9' && w.startsTime():
		w.readTime()
	case t.kind == '9' && !w.dated:
		w.readDate()
	case t.kind == '9' && w.month > 0 && w.year == 0 && len(t.text) == 4: // Sat Nov 28 10:00:00 2026
		w.year = number(t.text)
		w.drop(1)
	case t.kind == 'a':
		w.readWord()
	case (t.kind == '+' || t.kind == '-') && w.timed:
		w.readOffset()
	case t.kind == '(' && w.zone != nil: // its name, which the offset has made clear
		w.tokens = nil
	case (t.kind == '(' || t.kind == ')') && w.timed: // (UTC+08:00)
		w.drop(1)
	case t.kind == '[' && w.timed:
		w.readIANA()
	case t.kind == ',', t.kind == '.' && !w.timed, t.kind == ':' && w.dated && !w.timed, t.kind == '-' && !w.timed:
		w.drop(1)
	default:
		w.problem = Unknown
	}
}

func (w *written) drop(n int) { w.tokens = w.tokens[min(n, len(w.tokens)):] }

// kind is that of the token at i, 0 behind the last.
func (w *written) kind(i int) byte {
	if i < len(w.tokens) {
		return w.tokens[i].kind
	}
	return 0
}

func (w *written) text(i int) string {
	if i < len(w.tokens) {
		return w.tokens[i].text
	}
	return ""
}

// startsTime reports whether a time of day is here: 10:00, 10am.
func (w *written) startsTime() bool {
	if w.timed || len(w.text(0)) > 2 {
		return false
	}
	return w.kind(1) == ':' && w.kind(2) == '9' || isMeridiem(w.text(1)) || w.meridiem != "" && w.dated && w.kind(1) == 0
}

func isMeridiem(word string) bool { return word == "am" || word == "pm" || word == "noon" }

func (w *written) readTime() {
	w.timed = true
	w.hour = number(w.text(0))
	w.drop(1)
	for _, part := range []*int{&w.minute, &w.second} {
		if w.kind(0) != ':' || w.kind(1) != '9' {
			break
		}
		if len(w.text(1)) > 2 {
			w.problem = Unknown
			return
		}
		*part = number(w.text(1))
		w.drop(2)
	}
	switch {
	case w.kind(0) == ':' && w.kind(1) != '9': // 10时00分
		w.drop(1)
	case (w.kind(0) == '.' || w.kind(0) == ',' || w.kind(0) == ':') && w.kind(1) == '9' && !w.tokens[1].space:
		w.nanos = billionths(w.text(1))
		w.drop(2)
	}
}

func billionths(digits string) int {
	return number((digits + "000000000")[:9])
}

// readDate reads a date in numbers, or the day or year beside the name of a month.
func (w *written) readDate() {
	first, sign := w.text(0), w.kind(1)
	switch {
	case len(first) == 8 && (sign == 0 || sign == 'a'): // 20261128T100000Z
		w.readBasic()
	case w.month > 0 && len(first) == 4: // Nov 2026? the year behind month and day
		w.year = number(first)
		w.dated = w.day > 0
		w.drop(1)
	case w.month > 0 && len(first) <= 2: // Nov 28
		w.day = number(first)
		w.drop(1)
		w.skipOrdinal()
	case (sign == '-' || sign == '/' || sign == '.') && w.kind(2) == '9' && w.kind(3) == sign && w.kind(4) == '9':
		w.readNumbers(sign)
	case len(first) <= 2 && w.namesMonth(): // 28 Nov 2026, 28-Nov-2026, 28/Nov/2026:
		w.day = number(first)
		w.drop(1)
		w.skipOrdinal()
		if k := w.kind(0); k == '-' || k == '/' {
			w.drop(1)
		}
		w.month = monthNamed(w.text(0))
		w.drop(1)
		w.readYear()
	case relative[w.text(1)]:
		w.problem = Relative
	default:
		w.problem = Unknown
	}
}

func (w *written) skipOrdinal() {
	switch w.text(0) {
	case "st", "nd", "rd", "th":
		w.drop(1)
	}
}

// namesMonth reports whether a month's name follows the number here.
func (w *written) namesMonth() bool {
	for i := 1; i <= 2; i++ {
		switch {
		case w.kind(i) == 'a' && monthNamed(w.text(i)) > 0:
			return true
		case w.kind(i) != '-' && w.kind(i) != '/' && w.text(i) != "st" && w.text(i) != "nd" && w.text(i) != "rd" && w.text(i) != "th":
			return false
		}
	}
	return false
}

// readYear reads the year behind a month's name, with its sign.
func (w *written) readYear() {
	if k := w.kind(0); k == '-' || k == '/' || k == ',' {
		w.drop(1)
	}
	switch {
	case w.kind(0) == '9' && len(w.text(0)) == 4:
		w.year, w.dated = number(w.text(0)), true
		w.drop(1)
	case w.kind(0) == '9' && len(w.text(0)) == 2 && w.kind(1) != ':': // RFC 850
		w.year, w.dated = 2000+number(w.text(0)), true
		w.drop(1)
	}
}

// readNumbers reads a date of three numbers.
func (w *written) readNumbers(sign byte) {
	a, b, c := w.text(0), w.text(2), w.text(4)
	w.drop(5)
	w.dated = true
	x, y := number(a), number(b)
	switch {
	case len(a) == 4 && len(b) <= 2 && len(c) <= 2:
		w.year, w.month, w.day = x, y, number(c)
	case len(c) != 4 && len(a) <= 2 && len(b) <= 2 && len(c) == 2:
		w.problem = ShortYear
	case len(c) != 4 || len(a) > 2 || len(b) > 2:
		w.problem = Unknown
	case sign == '.' || x > 12 || x == y: // 28.11.2026, 28/11/2026
		w.day, w.month, w.year = x, y, number(c)
	case y > 12:
		w.month, w.day, w.year = x, y, number(c)
	default:
		w.problem = DayOrMonth
	}
	if w.kind(0) == 'a' && w.text(0) == "t" {
		w.drop(1)
	}
}

// readBasic reads the forms of ISO 8601 without signs.
func (w *written) readBasic() {
	digits := w.text(0)
	w.year, w.month, w.day, w.dated = number(digits[:4]), number(digits[4:6]), number(digits[6:]), true
	w.drop(1)
	if w.text(0) != "t" || w.kind(1) != '9' {
		return
	}
	clock := w.text(1)
	w.drop(2)
	if len(clock) != 4 && len(clock) != 6 {
		w.problem = Unknown
		return
	}
	w.hour, w.minute, w.timed = number(clock[:2]), number(clock[2:4]), true
	if len(clock) == 6 {
		w.second = number(clock[4:])
	}
	if (w.kind(0) == '.' || w.kind(0) == ',') && w.kind(1) == '9' {
		w.nanos = billionths(w.text(1))
		w.drop(2)
	}
}

// number reads digits; more than nine of them are no part of a time.
func number(digits string) int {
	if len(digits) > 9 {
		return 1 << 30
	}
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// finish makes a time of the parts.
func (w *written) finish() (time.Time, Problem) {
	var none time.Time
	switch {
	case w.problem != "":
		return none, w.problem
	case w.year == 0 && w.month > 0:
		return none, NoYear
	case w.year == 0 && w.timed:
		return none, NoDate
	case w.year == 0 || w.month == 0 || w.day == 0:
		return none, Unknown
	case !w.turn():
		return none, Impossible
	}
	zone := w.zone
	if zone == nil {
		zone = w.local
	}
	t := time.Date(w.year, time.Month(w.month), w.day, w.hour, w.minute, w.second, w.nanos, zone)
	if w.zone == nil && w.abbreviation != "" {
		if name, _ := t.Zone(); !strings.EqualFold(name, w.abbreviation) {
			return none, UnknownZone
		}
	}
	return t, ""
}

// turn brings the hour to 24 and reports whether date and time of day exist.
func (w *written) turn() bool {
	switch {
	case w.meridiem == "am" && w.hour > 12:
		return false
	case w.meridiem == "am" && w.hour == 12:
		w.hour = 0
	case w.meridiem == "pm" && w.hour < 12, w.meridiem == "noon" && w.hour < 10:
		w.hour += 12
	}
	if w.month > 12 || w.day > time.Date(w.year, time.Month(w.month)+1, 0, 0, 0, 0, 0, time.UTC).Day() || w.year > 9999 {
		return false
	}
	midnight := w.hour == 24 && w.minute == 0 && w.second == 0 && w.nanos == 0 // that ends the day
	return (w.hour < 24 || midnight) && w.minute < 60 && w.second <= 60
}
