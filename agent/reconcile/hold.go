package reconcile

import (
	"cmp"
	"slices"
)

// maxHeld bounds the unexpected documents that are held until the end, and the ids of
// those that moved: some tens of megabytes.
const maxHeld = 100_000

// remember notes the id of a document that is known to belong to a record, although
// it may be found under another time.
func (c *comparison) remember(id string) {
	if len(c.moved) < maxHeld {
		c.moved[id] = true
	}
}

// hold keeps an unexpected document until everything is compared: its record may yet
// turn up under another time, and then it is altered.
func (c *comparison) hold(d Difference) error {
	if len(c.held) < maxHeld {
		c.held = append(c.held, d)
		return nil
	}
	return c.tell(d)
}

// tellHeld tells the unexpected documents whose record did not turn up.
func (c *comparison) tellHeld() error {
	slices.SortStableFunc(c.held, func(a, b Difference) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.DocumentID, b.DocumentID))
	})
	for _, d := range c.held {
		if c.moved[d.DocumentID] {
			continue
		}
		if err := c.tell(d); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) tell(d Difference) error {
	c.summary.count(d)
	return c.o.Found(d)
}
