package mask

import "testing"

func TestLegible(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "password: x": true, `{"password":"x`: true, `[{"a":1},`: true, "a\tb\r\nc": true, "密码：x": true,
		`time="10:30" level=info msg="a: {b}"`: true, `property "key" is "x", see [1]`: true, `"quoted" text`: true,
		`said "so", and left`: true, `level=info msg="",done`: true,
		// no text
		"p\x00a\x00s\x00s\x00": false, "\xff\xfep\x00": false, "\x04\x22\x4d\x18\x64\x40": false, "\x1b[36mpassword\x1b[0m: x": false,
		"pass\xffword: x": false, "password\u0085: x": false, "pass\ufffdword": false,
		// the rest of a record
		`cret","user":"ops"}`: false, `:"secret","user":"ops"}`: false, `"secret","user":"ops"}`: false, `cret"}`: false,
		`345,"a":1}`: false, `,"a":"b"}`: false, `ab\"c","d":1}`: false, `]}`: false, "cret\",\n \"user\": \"ops\"\n}": false,
	} {
		if got := Legible([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
