package shape

import (
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/rule"
)

// counting is a Reader that counts the bytes it is asked about. It takes every
// name with "pass" in it for a sensitive one.
func counting(work *int) *Reader {
	return &Reader{
		Ask: func(name []byte) Answer {
			*work += len(name)
			a := Answer{Rule: rule.None, Named: rule.None, Lost: rule.None, Object: rule.None}
			if strings.Contains(string(name), "pass") {
				a.Rule, a.Named, a.Object = 0, 0, 0
			}
			return a
		},
		Marker: func([]byte) int { *work++; return 0 },
		Exempt: func(value []byte, _ rule.ID) bool { *work++; return false },
		Inside: func(_ []byte, _ detect.Span, decoded []byte) { *work += len(decoded) },
	}
}

// Hostile texts of twice the length cost twice the work, not more.
func TestWorkIsLinear(t *testing.T) {
	readers := map[string]func([]byte, *Reader){
		"pairs":     func(text []byte, r *Reader) { Pairs(text, true, r) },
		"messages":  func(text []byte, r *Reader) { Messages(text, true, true, r) },
		"tags":      Tags,
		"multipart": Multipart,
		"commands":  Commands,
		"calls":     Calls,
		"tables":    Tables,
		"base64":    Base64,
		"percent":   Percent,
		"entities":  Entities,
		"spaced":    Spaced,
	}
	for piece := range strings.SplitSeq("password=|a=b:c=|pass: |<pass>|<key>pass</key>|<pass|form-data; name=pass\r\n\r\n|curl -u a:b |mysql -p |hmac(\"|auth(|((|"+
		"a,pass\n|pass\t|x  pass\n|YWFhYWFhYWFhYWFhYWFhYWFh|YWFhYWFhYWFhYWFh\n|%25|&amp;|&#58|\x00a|kind: Secret\ndata:\n a: b\n|\"pass\" |[pass] |«|pass got |密码：|H4sIAAAAAAAA", "|") {
		for name, read := range readers {
			var once, twice int
			read([]byte(strings.Repeat(piece, 2000)), counting(&once))
			read([]byte(strings.Repeat(piece, 4000)), counting(&twice))
			if twice > 3*once+1000 {
				t.Errorf("%s: %q costs %d, and %d at twice the length", name, piece, once, twice)
			}
		}
	}
}
