package event

import (
	"strconv"
	"testing"
)

func TestAnIDNamesItsRecordOrNot(t *testing.T) {
	for _, none := range []string{
		``, `""`, `" "`, `"  "`, `"\t"`, `"\u00a0"`, `0`, `"0"`, `-0`, `0.0`, `"000"`, `"-"`, `"--"`, `"?"`, `"..."`, `"null"`, `"NULL"`, `"<nil>"`, `"None"`,
		`"N/A"`, `"undefined"`, `"#N/A"`, `"#REF!"`, `false`, `"false"`, `true`, `"00000000-0000-0000-0000-000000000000"`,
		`"{00000000-0000-0000-0000-000000000000}"`, `"00000000000000000000000000000000"`, `"1.23457E+17"`, `"1,23457E+17"`, `1.23457e17`, `"1E+5"`, `1e5`,
	} {
		if Token(none).NamesRecord() {
			t.Errorf("%s names a record", none)
		}
	}
	for _, id := range []string{
		`1`, `"1"`, `-1`, `10`, `100`, `1.5`, `"a"`, `"r-0"`, `"00000000-0000-0000-0000-000000000001"`, `"5eed0000-0001-4000-8000-000000000000"`,
		`"1e5"`, `"12e45"`, `"nullable"`, `"node"`, `123456789012345678`, `"0x0"`, `"x` + strconv.Itoa(1<<40) + `"`,
	} {
		if !Token(id).NamesRecord() {
			t.Errorf("%s names no record", id)
		}
	}
}

func BenchmarkNamesRecord(b *testing.B) {
	id := Token(`"5eed0000-0001-4000-8000-000000000000"`)
	for b.Loop() {
		if !id.NamesRecord() {
			b.Fatal()
		}
	}
}
