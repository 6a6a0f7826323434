package health

import "testing"

func TestProgress(t *testing.T) {
	for name, tt := range map[string]struct {
		happens func(counts *Counts, conditions *Conditions, rounds *int64)
		want    bool
	}{
		"idle, its loops come round":           {func(_ *Counts, _ *Conditions, r *int64) { *r++ }, true},
		"idle, a loop hangs":                   {func(*Counts, *Conditions, *int64) {}, false},
		"records are settled":                  {func(c *Counts, _ *Conditions, _ *int64) { c.Read.Add(9); c.Indexed.Add(1) }, true},
		"records are dropped by a rule":        {func(c *Counts, _ *Conditions, _ *int64) { c.Read.Add(1); c.Dropped.Add(1) }, true},
		"records are read and none is settled": {func(c *Counts, _ *Conditions, r *int64) { c.Read.Add(9); *r++ }, false},
		"records wait for Elasticsearch": {func(c *Counts, x *Conditions, _ *int64) {
			c.Read.Add(9)
			x.Set(Condition{Part: "elasticsearch", Reason: "is gone"})
		}, true},
		"idle, the state cannot be saved": {func(_ *Counts, x *Conditions, _ *int64) { x.Set(Condition{Part: "state", Reason: "the disk is full"}) }, true},
		"what was waited for came, and it hangs": {func(c *Counts, x *Conditions, _ *int64) {
			c.Read.Add(9)
			x.Set(Condition{Part: "state", Reason: "full"})
			x.Set(Condition{Part: "state", Reason: ""})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var ledger Ledger
			var conditions Conditions
			var rounds int64
			hangs := false
			counts := ledger.Of("files")
			counts.Read.Add(5)
			counts.Indexed.Add(5)
			progressing := Progress(&ledger, &conditions, func() bool { return hangs }, func() int64 { return rounds })
			if !progressing() {
				t.Error("it hangs before it began")
			}
			tt.happens(counts, &conditions, &rounds)
			if got := progressing(); got != tt.want {
				t.Errorf("progress: %v", got)
			}
			tt.happens(counts, &conditions, &rounds)
			if hangs = true; progressing() {
				t.Error("progress though an input hangs")
			}
		})
	}
}
