package pipeline

import (
	"testing"

	"github.com/auditship/auditship/exporter/bulk"
)

func TestShipmentsAreUsedAgain(t *testing.T) {
	var p shipments
	s := p.get()
	s.Batch.Input, s.Read, s.Dropped = "files", 7, 2
	s.Documents = append(s.Documents, bulk.Document{Source: []byte("{}")})
	s.account.pending.Store(1)
	p.put(s)

	again := p.get()
	if again != s || len(again.Documents) != 0 || again.Read != 0 || again.Dropped != 0 || again.account.pending.Load() != 0 || again.Batch.Input != "" {
		t.Errorf("%+v", again)
	}
	if cap(again.Documents) == 0 || again.Documents[:1][0].Source != nil {
		t.Error("the documents' memory is lost, or still holds one")
	}
	if p.get() == s {
		t.Error("one shipment was given twice")
	}
}

// What a burst needed is given up, what is needed all the time is not.
func TestShipmentsAreTrimmed(t *testing.T) {
	var p shipments
	var burst []*shipment
	for range 10 {
		burst = append(burst, p.get())
	}
	for _, s := range burst {
		p.put(s)
	}
	p.trim() // all of them were needed until now
	for range 5 {
		a, b := p.get(), p.get()
		p.put(a)
		p.put(b)
	}
	if p.trim(); len(p.free) != 2 {
		t.Errorf("%d are kept, 2 were needed", len(p.free))
	}
	if p.trim(); len(p.free) != 0 {
		t.Errorf("%d are kept, none was needed", len(p.free))
	}
}
