package reconcile

import (
	"cmp"
	"context"
	"fmt"
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

// placeHeld finds out where else the held documents are. One whose other copy was not
// held belongs to a record: it is there twice, under two times.
func (c *comparison) placeHeld(ctx context.Context) error {
	var ids [][22]byte
	var of []int // the place of each in held
	held := map[string]int{}
	for i, d := range c.held {
		held[d.DocumentID]++
		if id, ok := parseID(d.DocumentID); ok {
			ids, of = append(ids, id), append(of, i)
		}
	}
	holdings, err := c.sender.Find(ctx, ids, []string{"@timestamp"})
	if err != nil {
		return fmt.Errorf("elasticsearch: %w", err)
	}
	for _, h := range holdings {
		d := &c.held[of[h.Asked]]
		if slices.Contains(d.Indices, h.Index) {
			continue
		}
		d.Indices = append(d.Indices, h.Index)
		slices.Sort(d.Indices)
		if held[d.DocumentID] == 1 {
			d.Kind = Twice
		}
	}
	return nil
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
