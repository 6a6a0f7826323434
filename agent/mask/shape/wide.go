package shape

import (
	"bytes"
	"unicode/utf8"

	"github.com/auditship/auditship/agent/mask/chars"
)

// WideMarks are the signs of other scripts that separate names from values, or
// values from each other: full-width ones, and those that look like a colon. A
// text that holds one is worth narrowing.
var WideMarks = []string{
	"：", "＝", "，", "；", "。", "、", "　", "﹕", "﹦", "∶", "︓", "꞉", "→", "⇒", "➜", "⟶",
	"＂", "＇", "＆", "－－", "为", "是", "為", "は", "는", "은", "이", "：",
}

// ascii is what each mark counts as.
var ascii = map[rune]byte{
	'：': ':', '＝': '=', '，': ',', '；': ';', '。': ';', '、': ',', '　': ' ', '﹕': ':', '﹦': '=', '∶': ':', '︓': ':',
	'꞉': ':', '→': ':', '⇒': ':', '➜': ':', '⟶': ':', '＂': '"', '＇': '\'', '＆': '&', '－': '-', 'ː': ':', '˸': ':', '׃': ':', '։': ':',
}

// copulas are the words for "is" that follow a name without a blank.
var copulas = map[rune]bool{'为': true, '是': true, '為': true, 'は': true, '는': true, '은': true, '이': true}

// Narrow writes the marks of other scripts in ASCII, each followed by blanks in the
// place of its other bytes, so that everything else stays where it is: 密码：x
// becomes 密码:  x. A copula between a name and what is no text of its language
// counts as a colon.
func Narrow(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			dst = append(dst, text[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		c, known := ascii[r]
		if !known && copulas[r] && opensValue(text[i+size:]) {
			c, known = ':', true
		}
		if known {
			dst = append(append(dst, c), "   "[:size-1]...)
		} else {
			dst = append(dst, text[i:i+size]...)
		}
		i += size
	}
	return dst
}

// opensValue says whether a text goes on with a value in ASCII.
func opensValue(text []byte) bool {
	text = bytes.TrimLeft(text, " ")
	return len(text) > 0 && (chars.IsAlnum(text[0]) || isQuote(text[0]))
}
