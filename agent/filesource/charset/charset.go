package charset

import (
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Charset is an encoding that files may be in.
type Charset struct {
	name string
	enc  encoding.Encoding // nil for UTF-8, which is passed through
	// unit is how many bytes the shortest character has.
	unit int
	// replacement is how the encoding itself writes U+FFFD, "" where it cannot.
	replacement string
}

// The encodings that are recognised without being named.
var (
	UTF8    = &Charset{name: "utf-8", unit: 1}
	UTF16LE = &Charset{"utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2, "\xfd\xff"}
	UTF16BE = &Charset{"utf-16be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2, "\xff\xfd"}
	UTF32LE = &Charset{"utf-32le", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), 4, "\xfd\xff\x00\x00"}
	UTF32BE = &Charset{"utf-32be", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), 4, "\x00\x00\xff\xfd"}
)

// own are names that the indexes of x/text lack or give to something else.
var own = map[string]*Charset{
	"utf-8": UTF8, "utf8": UTF8,
	"utf-16le": UTF16LE, "utf16le": UTF16LE, "utf-16": UTF16LE, "utf16": UTF16LE, "unicode": UTF16LE, "ucs-2": UTF16LE,
	"utf-16be": UTF16BE, "utf16be": UTF16BE,
	"utf-32le": UTF32LE, "utf32le": UTF32LE, "utf-32": UTF32LE, "utf32": UTF32LE,
	"utf-32be": UTF32BE, "utf32be": UTF32BE,
}

// aliases are names that people use for what the indexes call otherwise.
var aliases = map[string]string{
	"latin-1": "windows-1252", "ansi": "windows-1252", "cp936": "gbk", "ms936": "gbk", "windows-936": "gbk",
	"cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252",
	"cp437": "ibm437", "cp850": "ibm850", "cp852": "ibm852", "cp855": "ibm855", "cp866": "ibm866",
	"cp932": "shift_jis", "cp949": "euc-kr", "cp950": "big5",
}

// Name is the encoding's usual name, in small letters.
func (c *Charset) Name() string { return c.name }

// Lookup finds an encoding by any of its usual names, without regard to case:
// utf-16le, utf-32be, windows-1252 (which is also meant by latin1), gbk, gb18030,
// big5, shift_jis, iso-8859-2, koi8-r, ibm850 and so on. UTF-16 and UTF-32 without
// a byte order are little-endian unless the file's byte order mark says otherwise:
// see ByMark.
func Lookup(name string) (*Charset, error) {
	key := strings.ToLower(strings.TrimSpace(name))
	if c := own[key]; c != nil {
		return c, nil
	}
	if alias := aliases[key]; alias != "" {
		key = alias
	}
	enc, err := htmlindex.Get(key)
	if err != nil {
		if enc, err = ianaindex.IANA.Encoding(key); err != nil || enc == nil {
			return nil, fmt.Errorf("%q is not the name of an encoding such as utf-16le, windows-1252, gbk, gb18030, big5, shift_jis", name)
		}
	}
	if canonical, err := htmlindex.Name(enc); err == nil {
		key = canonical
	}
	if c := own[key]; c != nil {
		return c, nil
	}
	switch key {
	case "iso-2022-jp", "hz-gb-2312", "replacement", "x-user-defined":
		return nil, fmt.Errorf("%q cannot be read from the middle of a file; convert the file to UTF-8, as with iconv", name)
	}
	c := &Charset{name: key, enc: enc, unit: 1}
	if key == "gb18030" {
		c.replacement = "\x84\x31\xa4\x37"
	}
	return c, nil
}

// Unit is how many bytes the shortest character has.
func (c *Charset) Unit() int { return c.unit }

// ByMark is the encoding that a byte order mark at the start of a file stands for,
// where it is one of the same family as c; otherwise c.
func (c *Charset) ByMark(head []byte) *Charset {
	if marked := byMark(head); marked != nil && marked.unit == c.unit {
		return marked
	}
	return c
}
