package health

// Progress returns a function that says whether the agent got anywhere since it was
// last asked: nothing hangs, whatever else goes on, and
//
//   - something waits, and says so in the conditions: a restart would not help,
//   - or a record has got its verdict,
//   - or no record is in flight, and each of rounds, the counters of loops that also
//     come round while there is nothing to do, has grown.
//
// What is left is an agent that hangs. The returned function is for one goroutine,
// and the first answer is always yes.
func Progress(ledger *Ledger, conditions *Conditions, hangs func() bool, rounds ...func() int64) func() bool {
	lastDone := int64(-1)
	last := make([]int64, len(rounds))
	for i := range last {
		last[i] = -1
	}
	return func() bool {
		var done, inFlight int64
		for _, t := range ledger.Totals() {
			done += t.Read - t.InFlight
			inFlight += t.InFlight
		}
		turned := true
		for i, round := range rounds {
			now := round()
			turned = turned && now != last[i]
			last[i] = now
		}
		settled := done != lastDone
		lastDone = done
		return !hangs() && (len(conditions.List()) > 0 || settled || inFlight == 0 && turned)
	}
}
