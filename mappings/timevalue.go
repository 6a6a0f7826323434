package mappings

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// timeValue writes a duration as Elasticsearch does: in the largest unit that
// takes it whole. Less than a millisecond is cut off.
func timeValue(d time.Duration) string {
	for _, u := range timeUnits {
		if d%u.length == 0 {
			return fmt.Sprintf("%d%s", d/u.length, u.name)
		}
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}

// timeUnits are Elasticsearch's, largest first.
// See https://www.elastic.co/docs/reference/elasticsearch/rest-apis/api-conventions#time-units.
var timeUnits = []struct {
	name   string
	length time.Duration
}{
	{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
}

// parseTimeValue reads what timeValue writes, and the smaller units.
func parseTimeValue(s string) (time.Duration, error) {
	for _, unit := range []string{"micros", "nanos", "ms", "s", "m", "h", "d"} {
		number, ok := strings.CutSuffix(s, unit)
		if !ok {
			continue
		}
		return parseTime(number, unit, s)
	}
	return 0, fmt.Errorf("not a time span of Elasticsearch: %.32q", s)
}

func parseTime(number, unit, s string) (time.Duration, error) {
	length := map[string]time.Duration{"micros": time.Microsecond, "nanos": 1}[unit]
	for _, u := range timeUnits {
		if u.name == unit {
			length = u.length
		}
	}
	var n int64
	if err := json.Unmarshal([]byte(number), &n); err != nil || n < 0 || n > int64(1<<63-1)/int64(length) {
		return 0, fmt.Errorf("not a time span of Elasticsearch: %.32q", s)
	}
	return time.Duration(n) * length, nil
}
