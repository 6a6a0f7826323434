package eventtime

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func reader(t testing.TB, zoneName string) Reader {
	t.Helper()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	return Reader{zone(t, zoneName), func() time.Time { return now }}
}

// Every one of these is the same second, as written in Shanghai.
func TestFormsOfOneSecond(t *testing.T) {
	r := reader(t, "Asia/Shanghai")
	want := time.Date(2026, 11, 20, 3, 4, 5, 0, time.UTC)
	for _, text := range []string{
		"1795143845", "1795143845000", "1795143845000000", "1795143845000000000", "1795143845.0", "1.795143845e9", "1.795143845E+12", " 1795143845 ",
		"2026-11-20T03:04:05Z", "2026-11-20T03:04:05z", "2026-11-20T03:04:05.000Z", "2026-11-20T03:04:05,000Z", "2026-11-20t11:04:05+08:00",
		"2026-11-20T11:04:05+0800", "2026-11-20T11:04:05+08", "2026-11-20T11:04:05", "2026-11-20 11:04:05", "2026-11-20 11:04:05.000", "2026-11-20 11:04:05,000",
		"2026-11-20 11:04:05 +0800", "2026-11-20 11:04:05 +08:00", "2026-11-20 11:04:05+08:00", "2026-11-20 03:04:05 UTC", "2026-11-20 03:04:05Z", "2026-11-20 11:04:05 CST",
		"2026-11-20 11:04:05 +0800 CST", "2026-11-20 11:04:05.000000000 +0800 CST m=+12.345", "2026-11-20T11:04:05+08:00[Asia/Shanghai]", "2026-11-20T03:04:05Z[UTC]",
		"2026-11-20, 11:04:05", "2026/11/20 11:04:05", "2026/11/20 11:04:05 +0800", "2026.11.20 11:04:05", "2026-11-20 11:04:05 GMT+8", "2026-11-20 11:04:05 UTC+08:00", "2026-11-20 11:04:05 (UTC+08:00)",
		"20261120T030405Z", "20261120T110405+0800", "20261120T110405",
		"Fri, 20 Nov 2026 03:04:05 GMT", "Fri, 20 Nov 2026 11:04:05 +0800", "20 Nov 2026 03:04:05 UTC", "Friday, 20-Nov-26 03:04:05 GMT", "Fri Nov 20 11:04:05 2026", "Fri Nov 20 03:04:05 UTC 2026",
		"Fri Nov 20 11:04:05 +0800 2026", "Fri Nov 20 2026 11:04:05 GMT+0800 (China Standard Time)", "20/Nov/2026:11:04:05 +0800", "20-Nov-2026 11:04:05",
		"Nov 20, 2026 11:04:05 AM", "Nov 20, 2026, 11:04:05 AM", "November 20, 2026 at 11:04:05 AM", "20th November 2026 11:04:05", "Nov. 20, 2026 11:04:05",
		"11/20/2026 11:04:05", "11/20/2026, 11:04:05 AM", "11/20/2026, 11:04:05\u202fAM", "20/11/2026 11:04:05", "20.11.2026 11:04:05", "20-11-2026 11:04:05", "11/20/2026 11:04:05 a.m.",
		"2026年11月20日 11:04:05", "2026年11月20日 11时04分05秒", "2026年11月20日 上午11:04:05", "2026/11/20 上午11:04:05", "2026-11-20 上午 11:04:05", "2026年11月20日 星期五 11:04:05", "2026年11月20日周五 上午11:04:05",
		"２０２６-11-20　11：04：05", "2026-11-20 11:04:05 北京时间", "2026年11月20日 11:04:05 GMT+8",
	} {
		got, err := r.Read([]byte(text))
		if err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %s (%v)", text, got.Format(time.RFC3339Nano), err)
		}
	}
}

func TestOtherForms(t *testing.T) {
	r := reader(t, "Europe/Berlin")
	for text, want := range map[string]string{
		"1795143845002003004":           "2026-11-20T03:04:05.002003004Z",
		"1795143845.25":                 "2026-11-20T03:04:05.25Z",
		"1795143845002.5":               "2026-11-20T03:04:05.0025Z",
		"1.795143845002E12":             "2026-11-20T03:04:05.002Z",
		"1.7951438450025e9":             "2026-11-20T03:04:05.0025Z",
		"2026-11-20 04:04:05,123456":    "2026-11-20T03:04:05.123456Z",
		"2026-11-20 04:04:05.123456789": "2026-11-20T03:04:05.123456789Z",
		"2026-11-20":                    "2026-11-19T23:00:00Z",
		"20261120":                      "2026-11-20T00:00:00Z",
		"20261120030405":                "2026-11-20T03:04:05Z",
		"2026-11-20T04:04+01:00":        "2026-11-20T03:04:00Z",
		"28.11.2026 10:00":              "2026-11-28T09:00:00Z",
		"01.02.2026 10:00":              "2026-02-01T09:00:00Z",
		"11/28/2026 10:00":              "2026-11-28T09:00:00Z",
		"05/05/2026 10:00":              "2026-05-05T08:00:00Z",
		"11/20/2026 12:04 AM":           "2026-11-19T23:04:00Z",
		"11/20/2026 12:04 PM":           "2026-11-20T11:04:00Z",
		"2026/11/20 下午3:04:05":          "2026-11-20T14:04:05Z",
		"2026/11/20 凌晨12:04:05":         "2026-11-19T23:04:05Z",
		"2026/11/20 中午12:04:05":         "2026-11-20T11:04:05Z",
		"2026/11/20 下午15:04":            "2026-11-20T14:04:00Z",
		"2026-11-20 24:00:00":           "2026-11-20T23:00:00Z",
		"2026-11-20 04:04:05 CET":       "2026-11-20T03:04:05Z",
		"2026-07-20 04:04:05 CEST":      "2026-07-20T02:04:05Z",
		"2000-01-01T00:00:00Z":          "2000-01-01T00:00:00Z",
		"2026-11-29T11:59:59Z":          "2026-11-29T11:59:59Z",
		"2028-02-29":                    "",
		"2024-02-29":                    "2024-02-28T23:00:00Z",
	} {
		got, err := r.Read([]byte(text))
		if want == "" {
			if err == nil {
				t.Errorf("%s: %s", text, got)
			}
		} else if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %s (%v), want %s", text, got.Format(time.RFC3339Nano), err, want)
		}
	}
}

func TestWhatIsNoTime(t *testing.T) {
	r := reader(t, "Europe/Berlin")
	for text, want := range map[string]string{
		"":                             string(Empty),
		" ":                            string(Empty),
		strings.Repeat("1", 100):       "it is too long for a time (of the form 9999999999999999999999999999999999999999...)",
		"0":                            "it is zero (of the form 9)",
		"0.0":                          "it is zero (of the form 9.9)",
		"1":                            "it is before the year 2000 (of the form 9)",
		"-1":                           "it is before the year 2000 (of the form -9)",
		"45989.4166666667":             "it is the day number of a spreadsheet (of the form 99999.9999999999)",
		"45989":                        "it is the day number of a spreadsheet (of the form 99999)",
		"1.79514E+12":                  "it was rounded, as spreadsheets do with long numbers (of the form 9.99999a+99)",
		"1.79514E+09":                  "it was rounded, as spreadsheets do with long numbers (of the form 9.99999a+99)",
		"01/02/2026 10:00":             "its day and month cannot be told apart (of the form 99/99/9999 99:99)",
		"1-2-2026":                     "its day and month cannot be told apart (of the form 9-9-9999)",
		"11/28/26 10:00":               "its year has two digits (of the form 99/99/99 99:99)",
		"28.11.26":                     "its year has two digits (of the form 99.99.99)",
		"28.13.2026":                   string(Impossible) + " (of the form 99.99.9999)",
		"2026-02-30 10:00":             string(Impossible) + " (of the form 9999-99-99 99:99)",
		"2026-11-20T25:00:00Z":         string(Impossible) + " (of the form 9999-99-99a99:99:99a)",
		"2026-11-20 10:60":             string(Impossible) + " (of the form 9999-99-99 99:99)",
		"2026-13-20T03:04:05Z":         string(Impossible) + " (of the form 9999-99-99a99:99:99a)",
		"2026-11-20 14:00 AM":          string(Impossible) + " (of the form 9999-99-99 99:99 aa)",
		"2026-11-20 10:00 +25:00":      string(Impossible) + " (of the form 9999-99-99 99:99 +99:99)",
		"Nov 28 10:00:00":              "it names no year (of the form aaa 99 99:99:99)",
		"10:00:00":                     "it names no date (of the form 99:99:99)",
		"2 hours ago":                  "it is relative to another time (of the form 9 aaaaa aaa)",
		"yesterday":                    "it is relative to another time (of the form aaaaaaaaa)",
		"2026-11-20 10:00 PDT":         string(UnknownZone) + " (of the form 9999-99-99 99:99 aaa)",
		"2026-11-20 10:00 Asia/Tokyo":  string(UnknownZone) + " (of the form 9999-99-99 99:99 aaaa/aaaaa)",
		"2026-11-20T10:00[Asia/Tokyo]": string(UnknownZone) + " (of the form 9999-99-99a99:99[aaaa/aaaaa])",
		"0001-01-01T00:00:00Z":         "it is before the year 2000 (of the form 9999-99-99a99:99:99a)",
		"1999-12-31T23:59:59Z":         "it is before the year 2000 (of the form 9999-99-99a99:99:99a)",
		"2026-11-29T12:00:01Z":         "it is more than a day ahead (of the form 9999-99-99a99:99:99a)",
		"9999-12-31T23:59:59Z":         "it is more than a day ahead (of the form 9999-99-99a99:99:99a)",
		"99999999999999999999":         "it is more than a day ahead (of the form 99999999999999999999)",
		"10000-01-01T00:00:00Z":        string(Unknown) + " (of the form 99999-99-99a99:99:99a)",
		"2026-11-20T03:04:05Z\x00":     string(Unknown) + " (of the form 9999-99-99a99:99:99a?)",
		"hunter2":                      string(Unknown) + " (of the form aaaaaa9)",
		"true":                         string(Unknown) + " (of the form aaaa)",
		"NaN":                          string(Unknown) + " (of the form aaa)",
		"0x10":                         string(Unknown) + " (of the form 9a99)",
		"1e400":                        string(Unknown) + " (of the form 9a999)",
		"2026":                         "it is before the year 2000 (of the form 9999)",
		"2026-11":                      string(Unknown) + " (of the form 9999-99)",
		"#######":                      string(Unknown) + " (of the form #######)",
		"2026-11-20 10:00 10:00":       string(Unknown) + " (of the form 9999-99-99 99:99 99:99)",
		"运维 2026-11-20":                string(Unknown) + " (of the form aa 9999-99-99)",
	} {
		got, err := r.Read([]byte(text))
		var fault *Fault
		if !errors.As(err, &fault) {
			t.Errorf("%.40q: read as %s (%v)", text, got, err)
		} else if err.Error() != want {
			t.Errorf("%.40q: %s, want %s", text, err, want)
		}
	}
}

func TestAClockThatIsWrongJudgesNothing(t *testing.T) {
	r := Reader{Now: func() time.Time { return time.Unix(0, 0) }}
	if _, err := r.Read([]byte("2026-11-20T03:04:05Z")); err != nil {
		t.Error(err)
	}
}

// What the time package writes comes out again.
func TestWhatTheTimePackageWritesIsRead(t *testing.T) {
	r := reader(t, "UTC")
	layouts := []string{
		time.RFC3339, time.RFC3339Nano, time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC, time.UnixDate, time.RubyDate, time.DateTime,
		"2006-01-02T15:04:05.000-0700", "2006-01-02 15:04:05 -0700", "Jan 2, 2006 3:04:05 PM", "2006/01/02 15:04:05", "02.01.2006 15:04:05", "02/Jan/2006:15:04:05 -0700", "20060102150405",
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(oldest.Unix()+86400, r.Now().Unix()).Draw(t, "seconds"), 0).UTC()
		layout := rapid.SampledFrom(layouts).Draw(t, "layout")
		if got, err := r.Read([]byte(at.Format(layout))); err != nil || !got.Equal(at) {
			t.Fatalf("%s: %s (%v)", at.Format(layout), got, err)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{"1795143845", "2026年11月20日 下午3:04", "Fri, 20 Nov 2026 03:04:05 GMT", "11/28/2026 10:00 AM", "1.2e9", "2026-11-20 10:00 UTC+8 (x)", "20261120T10"} {
		f.Add(text)
	}
	r := reader(f, "Asia/Shanghai")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := r.Read([]byte(text))
		if err == nil && (at.Before(oldest) || at.After(r.Now().Add(ahead)) || at.Location() != time.UTC) {
			t.Fatalf("%q is %s", text, at)
		}
		var fault *Fault
		if err != nil && (!errors.As(err, &fault) || fault.Problem == "" || len(fault.Shape) > longestShape+3) {
			t.Fatalf("%q: %v", text, err)
		}
		if fault != nil && strings.ContainsAny(fault.Shape, "012345678bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			t.Fatalf("%q shows in %q", text, fault.Shape)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	r := Reader{Location: zone(b, "Asia/Shanghai")}
	for _, text := range []string{"1763607845000", "2025-11-20T03:04:05Z", "2025-11-20 11:04:05", "Thu, 20 Nov 2025 03:04:05 GMT"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Read([]byte(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
