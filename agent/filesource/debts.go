package filesource

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/auditship/auditship/agent/event"
)

// debts are what the input owes, as it was told.
type debts struct {
	owe func(event.Debt) // nil: nobody is told

	mu   sync.Mutex
	open map[debt]event.Debt
}

type debt struct {
	why  string // what the source looks at when it finds the debt
	kind event.DebtKind
	key  string
}

// mostNamed is how many debts of one kind are named; the others are counted.
const mostNamed = 20

// set makes reasons by key all that is owed for one why, and says what changed.
func (d *debts) set(why string, kind event.DebtKind, reasons map[string]string, ended string) {
	keys := make([]string, 0, len(reasons))
	for key := range reasons {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	now := map[debt]event.Debt{}
	for i, key := range keys {
		if i < mostNamed || len(keys) == mostNamed+1 {
			now[debt{why, kind, key}] = event.Debt{Kind: kind, Key: key, Reason: reasons[key]}
			continue
		}
		more := int64(len(keys) - i)
		now[debt{why, kind, "more"}] = event.Debt{Kind: kind, Key: "more", Count: more, Reason: fmt.Sprintf("%d more like %s", more, keys[0])}
		break
	}
	d.change(why, now, ended)
}

func (d *debts) change(why string, now map[debt]event.Debt, ended string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var changes []event.Debt
	for key, old := range d.open {
		if _, still := now[key]; key.why == why && !still {
			old.Ended = ended
			changes = append(changes, old)
			delete(d.open, key)
		}
	}
	for key, debt := range now {
		if old, was := d.open[key]; !was || old.Reason != debt.Reason || old.Count != debt.Count {
			changes = append(changes, debt)
			d.open[key] = debt
		}
	}
	slices.SortFunc(changes, func(a, b event.Debt) int { return cmp.Compare(a.Key, b.Key) })
	for _, c := range changes {
		if d.owe != nil {
			d.owe(c)
		}
	}
}
