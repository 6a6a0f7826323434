package eventtime

import (
	"strings"
	"time"
)

var months = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// monthNamed is the number of a month by its English name or the beginning of it, 0
// for any other word.
func monthNamed(word string) int {
	if len(word) < 3 {
		return 0
	}
	for i, name := range months {
		full := strings.ToLower(time.Month(i + 1).String())
		if word == name || word == full || word == "sept" && name == "sep" {
			return i + 1
		}
	}
	return 0
}

func isWeekday(word string) bool {
	for day := time.Sunday; day <= time.Saturday; day++ {
		full := strings.ToLower(day.String())
		if len(word) >= 3 && strings.HasPrefix(full, word) {
			return true
		}
	}
	return strings.HasPrefix(word, "week")
}

// relative are words of times that say nothing by themselves.
var relative = map[string]bool{
	"ago": true, "yesterday": true, "today": true, "tomorrow": true, "now": true, "last": true, "hours": true, "hour": true,
	"minutes": true, "days": true, "day": true, "前": true, "小时前": true, "分钟前": true, "天前": true, "昨天": true, "今天": true, "刚刚": true,
}

// readWord reads a word: the name of a month or weekday, AM and PM, T, a zone.
func (w *written) readWord() {
	word := w.text(0)
	w.drop(1)
	switch {
	case (word == "a" || word == "p") && w.kind(0) == '.' && w.text(1) == "m": // a.m.
		w.meridiem = word + "m"
		w.drop(2)
		if w.kind(0) == '.' {
			w.drop(1)
		}
	case isMeridiem(word):
		w.meridiem = word
	case monthNamed(word) > 0 && w.month == 0:
		w.month = monthNamed(word)
		if k := w.kind(0); k == '-' || k == '/' || k == '.' {
			w.drop(1)
		}
	case isWeekday(word), word == "t" && w.dated && !w.timed, word == "at", word == "of":
	case relative[word]:
		w.problem = Relative
	case w.timed || w.dated:
		w.readZone(word)
	default:
		w.problem = Unknown
	}
}

// readZone reads a zone by its name.
func (w *written) readZone(word string) {
	switch {
	case word == "z" || word == "zulu":
		w.zone = time.UTC
	case word == "utc" || word == "gmt" || word == "ut":
		if k := w.kind(0); (k == '+' || k == '-') && w.kind(1) == '9' {
			w.zone = nil // UTC+08:00
			w.readOffset()
			return
		}
		if w.zone == nil {
			w.zone = time.UTC
		}
	case word == "m" && w.kind(0) == '=': // the monotonic clock that Go prints
		w.tokens = nil
	case w.kind(0) == '/' && w.kind(1) == 'a': // Asia/Shanghai
		w.problem = UnknownZone
	default:
		w.abbreviation = word
	}
}

// readOffset reads +08:00, +0800, +08 and +8 from the sign on.
func (w *written) readOffset() {
	if w.kind(1) != '9' || w.zone != nil && w.zone != time.UTC {
		w.problem = Unknown
		return
	}
	digits, minutes, used := w.text(1), 0, 2
	hours := number(digits)
	switch {
	case len(digits) == 4:
		hours, minutes = number(digits[:2]), number(digits[2:])
	case len(digits) > 2:
		w.problem = Unknown
		return
	case w.kind(2) == ':' && len(w.text(3)) == 2 && w.kind(3) == '9':
		minutes, used = number(w.text(3)), 4
	}
	if hours > 18 || minutes > 59 {
		w.problem = Impossible
		return
	}
	seconds := (hours*60 + minutes) * 60
	if w.kind(0) == '-' {
		seconds = -seconds
	}
	w.zone = time.FixedZone("", seconds)
	w.drop(used)
}

// readIANA reads the zone's name in brackets that Java writes behind the offset.
func (w *written) readIANA() {
	if w.zone == nil {
		w.problem = UnknownZone
		return
	}
	w.tokens = nil
}
