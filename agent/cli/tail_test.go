package cli

import "testing"

func TestTailRefusesWhatMakesNoSense(t *testing.T) {
	cfg := writeConfig(t, "elasticsearch: {urls: http://127.0.0.1:1}\n")
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"an argument": {[]string{"httpbin"}, "takes no arguments"},
		"format":      {[]string{"--format", "csv"}, "must be text or json"},
		"zone":        {[]string{"--timezone", "Mars"}, "no time zone"},
		"address":     {[]string{"--ip", "localhost"}, "neither an address"},
		"outcome":     {[]string{"--outcome", "failed"}, "must be one of success, failure, unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, runMain(append([]string{"tail", "-c", cfg}, c.args...)...), exitMisused, c.says)
		})
	}
}
