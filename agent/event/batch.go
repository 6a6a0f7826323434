package event

import (
	"errors"
	"strings"
	"time"
)

// InputID is the id of a configured input. It names the input in metrics, logs, tags
// and saved positions.
type InputID string

// Stream names what can be read and resumed on its own, among the saved positions: an
// input, and within it one file or the audit API.
type Stream struct {
	Input InputID
	Name  string
}

// String is INPUT/NAME, as it stands in the saved positions.
func (s Stream) String() string { return string(s.Input) + "/" + s.Name }

// MarshalText is String.
func (s Stream) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads INPUT/NAME; an id has no slash.
func (s *Stream) UnmarshalText(text []byte) error {
	input, name, ok := strings.Cut(string(text), "/")
	if !ok {
		return errors.New("read the name of a stream: no slash in it")
	}
	*s = Stream{InputID(input), name}
	return nil
}

// Batch is what a source hands to the pipeline at once: records of one stream,
// in the order in which they stand there, and the place after the last of them.
//
// A stream is what can be read and resumed on its own: one file, or one audit
// API. Batches of one stream are acknowledged in the order in which they were
// emitted; streams do not wait for each other.
//
// The source gives the batch away when it emits it, the memory of its records
// included, and must not touch it again.
type Batch struct {
	// Input is the id of the configured input, for metrics, logs and tags.
	Input InputID
	// Gateway names the gateway whose records these are; part of every _id.
	Gateway string
	// Stream names the stream among the saved positions.
	Stream Stream
	// Path is the file's path, "" where there is no file.
	Path string
	// Records may be empty: a batch can move the position alone.
	Records []Raw
	// Position is saved under Stream once every record is acknowledged: the
	// source's own encoding, opaque to everybody else. nil saves nothing.
	Position []byte
	// Forget removes the saved position of Stream instead.
	Forget bool
	// Doubtful says that these records may have been sent before: by a run
	// that ended before it could save its position, or from a copy of the
	// file. They are looked up in older backing indices before they are sent.
	Doubtful bool
	// Repeats says that the stream may hold a record more than once, as an audit
	// API that is asked again for a time does: equal records without an id are
	// then one.
	Repeats bool
	// Seen says that these records were acknowledged in an earlier run and are
	// here only to be counted again: see Saved.Recount.
	Seen bool
	// Release, unless nil, takes the memory of Records and their Bytes back.
	// The pipeline calls it once, when it needs them no longer.
	Release func()
}

// Saved is a stream's position of an earlier run, as a source gets it back.
type Saved struct {
	Stream   Stream
	Position []byte
	// Age is the time since it was saved.
	Age time.Duration
	// Recount asks for the records before the position as well, in batches
	// that are marked Seen: the stream holds records without an id, and equal
	// ones are told apart by how many came before.
	Recount bool
}

// Raw is one record as the source read it, before anything was done to it.
type Raw struct {
	// Bytes is the record's own JSON text, without surrounding white space;
	// where Fault is set it is what is left of it, possibly nothing.
	Bytes []byte
	// Offset is where the record starts in its file, in bytes after
	// decompression; -1 where there is no file.
	Offset int64
	// Wrap is what stood around the record, nil where nothing did.
	Wrap *Wrap
	// Fault is set where the source could not read a record here.
	Fault *Fault
}

// Fault is why a stretch of input is no record. It becomes a dead letter.
type Fault struct {
	Reason Reason
	// Length is the size of the stretch in bytes, also where Bytes was cut.
	Length int64
	// Count is how many faults of the same reason follow each other in the stretch,
	// 0 for one, and Last the offset of the last of them.
	Count, Last int64
	// Hash is the keyed hash of the whole stretch (hex) where its bytes were
	// not kept, "" otherwise.
	Hash string
	// Nameless says that the values in Bytes have lost their names, as the cells of
	// a broken row have, so that nobody can say which of them are secret.
	Nameless bool
}

// Reason is why what was read becomes a dead letter and no document.
type Reason string

// Faults is how many faults f stands for.
func (f *Fault) Faults() int64 { return max(f.Count, 1) }

// Reasons for a dead letter that are found before Elasticsearch is asked. They
// are part of the dead letter's format and of the metrics' labels.
const (
	ReasonTooLarge    Reason = "too_large"     // longer than max_record
	ReasonBrokenJSON  Reason = "broken_json"   // not a JSON object
	ReasonBrokenRow   Reason = "broken_row"    // not a row of its CSV file
	ReasonSpreadsheet Reason = "spreadsheet"   // a spreadsheet has rounded an id in the row
	ReasonNotUTF8     Reason = "not_utf8"      // text in another encoding, or damaged
	ReasonNotText     Reason = "not_text"      // a whole file that is no text; none of it is kept
	ReasonNoTime      Reason = "no_time"       // no readable event_time
	ReasonCutShort    Reason = "cut_short"     // the file ended for good inside the record
	ReasonBrokenPack  Reason = "broken_packed" // the compressed file is damaged here
	ReasonMaskRefused Reason = "mask_refused"  // a rule with on_error: dead_letter
	ReasonFailed      Reason = "failed"        // the agent failed on it; its log says where
	ReasonRefused     Reason = "refused"       // Elasticsearch refused the document
	ReasonDocTooLarge Reason = "doc_too_large" // Elasticsearch: 413 for the document alone
	ReasonFailStored  Reason = "failure_store" // Elasticsearch put it into its failure store
	ReasonIDConflict  Reason = "id_conflict"   // another record has its id
)

// ID is the _id of a document: 128 bits in unpadded base64url.
type ID [22]byte

func (id ID) String() string { return string(id[:]) }
