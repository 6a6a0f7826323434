package deadletter

// maxJoined bounds the text of joined letters, in bytes.
const maxJoined = 64 << 10

// Join makes one letter of those that follow each other and are alike: with the same
// reason, of the same file, and no document that could be sent. It keeps the places of
// the first and the last, and all their texts, each once where they are equal; what
// would make that too long begins another letter.
func Join(letters []Letter) []Letter {
	var joined []Letter
	for _, l := range letters {
		if n := len(joined) - 1; n >= 0 && joined[n].takes(&l) {
			continue
		}
		joined = append(joined, l)
	}
	return joined
}

// takes adds l to the letter if they are alike.
func (first *Letter) takes(l *Letter) bool {
	alike := first.Reason == l.Reason && first.Input == l.Input && first.Gateway == l.Gateway && first.Path == l.Path &&
		first.Path != "" && first.Error == nil && l.Error == nil && first.Hash == "" && l.Hash == "" &&
		first.ID == "" && l.ID == "" && len(first.Document) == 0 && len(l.Document) == 0 && l.Offset > first.Offset
	if !alike || first.Record != l.Record && len(first.Record)+1+len(l.Record) > maxJoined {
		return false
	}
	if first.Record != l.Record {
		first.Record += "\n" + l.Record
	}
	first.Count = first.Records() + l.Records()
	first.Last = max(l.Offset, l.Last)
	first.Length = l.Offset + l.Length - first.Offset
	return true
}
