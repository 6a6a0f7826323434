package checkpoint

import (
	"encoding/json"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// owedStream is the stream of the debts. The part before the slash is the id of an
// input in every other stream's name, and no id is empty.
var owedStream = event.Stream{Name: "owed"}

// OwedEntry is the entry that saves what the inputs owe, to be shown while no agent
// runs. It takes the place of the one before.
func OwedEntry(debts []event.Debt) Entry {
	e := Entry{Stream: owedStream, Saved: time.Now().UTC(), Forget: len(debts) == 0}
	e.Position, _ = json.Marshal(debts) // strings, numbers and times always have a JSON form
	return e
}

// Owed takes what the inputs owed when it was saved out of the entries of a state
// directory, and returns the positions that are left.
func Owed(entries []Entry) (debts []event.Debt, positions []Entry) {
	for _, e := range entries {
		if e.Stream != owedStream {
			positions = append(positions, e)
			continue
		}
		_ = json.Unmarshal(e.Position, &debts) // another version's debts are told again by the agent
	}
	return debts, positions
}
