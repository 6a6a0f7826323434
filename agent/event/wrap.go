package event

// Wrap is what stood around a record, in the log of a container or a daemon. It
// serves where the record itself does not say.
type Wrap struct {
	Time   string // as written there, "" where it names none
	Stream string // stdout or stderr
	Host   string
}
