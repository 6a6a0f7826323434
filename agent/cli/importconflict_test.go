package cli

import "testing"

// A record with the id of another one is told from the same record that comes again, in
// one file and over two.
func TestImportTellsAnotherRecordWithTheSameID(t *testing.T) {
	d := newImportDesk(t)
	const added = `{"id":"k1","event_time":1764000000,"event_type":"AddService","operator":{"id":"7","username":"Ops"},"http_request":{"method":"POST"}}` + "\n"
	const deleted = `{"id":"k1","event_time":1764000005,"event_type":"DeleteService","operator":{"id":"7","username":"Ops"},"http_request":{"method":"DELETE"}}` + "\n"
	want(t, d.run(added+deleted, "-"), exitFailed, "read 2 records: 1 indexed, 0 were there already, 1 rejected")
	want(t, d.run(added, "-"), exitDone, "read 1 record: 0 indexed, 1 were there already, 0 rejected")
	want(t, d.run(deleted, "-"), exitFailed, "0 indexed, 0 were there already, 1 rejected")
}
