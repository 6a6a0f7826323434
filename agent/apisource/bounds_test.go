package apisource

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
)

// An answer of more records than were asked for is refused before they are stored.
func TestMoreRecordsThanAskedForAreNotStored(t *testing.T) {
	body := []byte(`{"total":5,"list":[` + strings.Repeat("{},", 4<<20) + `{}]}`)
	p := pageParser{most: wholePage}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := p.parse(body)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, errTooManyRecords) {
		t.Errorf("error %v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("parsing took %d KiB", took>>10)
	}
}

// Such an answer is told, and what is asked for is read once the gateway keeps to it.
func TestAGatewayThatGivesTooMuchIsWaitedFor(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(20, time.Hour)
	flood := []byte(`{"total":20,"list":[` + strings.Repeat("{},", 2*wholePage) + `{}]}`)
	g.Inject(5, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(flood) // the client may be gone
	})
	d := newDesk(t, g)
	d.start()
	d.until("it is told", func() bool { return strings.Contains(d.waits(), "more records at once than it was asked for") })
	d.await(g)
	d.until("it is over", func() bool { return d.waits() == "" })
	d.expectOnce(g)
}

// A record that is larger than max_record becomes a fault that holds its beginning;
// the others come, however often it is read again.
func TestARecordThatIsTooLargeHarmsItselfAlone(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(300, time.Hour)
	at := noon.Add(-30 * time.Minute)
	huge := fmt.Appendf(nil, `{"id":"huge","event_time":%d,"error_message":"%s"}`, at.Unix(), strings.Repeat("x", 1<<20))
	g.store.AddText(at, "huge", huge)
	d := newDesk(t, g)
	d.config.MaxRecord, d.config.pageBytes = 64<<10, 256<<10
	d.start()
	d.until("the others came", func() bool { return d.tally(g).lost == 1 })
	d.polls(3)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.faults) != 1 || d.faults[0].Reason != "too_large" || d.faults[0].Length < 1<<20 {
		t.Errorf("faults: %+v", d.faults)
	}
}

func TestUnreadRecordIsKnownAgainUnderAnotherTotal(t *testing.T) {
	one := unreadRecord(errNoList, []byte(`{"total":7,"list":[{"id":"1","x":`), 9)
	two := unreadRecord(errNoList, []byte(`{"total":8,"list":[{"id":"1","x":`), 9)
	other := unreadRecord(errNoList, []byte(`{"total":8,"list":[{"id":"2","x":`), 9)
	if one.key != two.key || one.key == other.key || !bytes.Contains(one.Raw, []byte(`"id":"1"`)) {
		t.Error("a record that cannot be read is another one each time, or the same as another")
	}
}
