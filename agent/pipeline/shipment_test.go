package pipeline

import (
	"testing"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/bulk"
)

func TestShipmentsAreUsedAgain(t *testing.T) {
	var p shipments
	s := p.get(event.Batch{Input: "files", Records: make([]event.Raw, 3)}, 1000)
	if s.batch.Input != "files" || s.batch.Records != nil || cap(s.text) < 1000 {
		t.Errorf("%+v", s)
	}
	s.documents = append(s.documents, bulk.Document{Source: []byte("{}")})
	s.read, s.dropped = 7, 2
	s.account.pending.Store(1)
	p.put(s)

	again := p.get(event.Batch{}, 500)
	if again != s || len(again.documents) != 0 || again.read != 0 || again.dropped != 0 || again.account.pending.Load() != 0 || again.batch.Input != "" {
		t.Errorf("%+v", again)
	}
	if cap(again.documents) == 0 || again.documents[:1][0].Source != nil {
		t.Error("the documents' memory is lost, or still holds one")
	}
	if p.get(event.Batch{}, 0) == s {
		t.Error("one shipment was given twice")
	}
}

func TestShipmentsOfUnusualSizeAreNotKept(t *testing.T) {
	var p shipments
	p.put(p.get(event.Batch{}, maxKeptText+1))
	if s := p.get(event.Batch{}, 0); cap(s.text) != 0 {
		t.Errorf("%d bytes are kept", cap(s.text))
	}
}

// What a burst needed is given up, what is needed all the time is not.
func TestShipmentsAreTrimmed(t *testing.T) {
	var p shipments
	var burst []*shipment
	for range 10 {
		burst = append(burst, p.get(event.Batch{}, 100))
	}
	for _, s := range burst {
		p.put(s)
	}
	p.trim() // all of them were needed until now
	for range 5 {
		a, b := p.get(event.Batch{}, 100), p.get(event.Batch{}, 100)
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
