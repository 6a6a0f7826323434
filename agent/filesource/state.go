package filesource

// presence says by which names a file can be reached.
type presence int

const (
	named     presence = iota // a glob matches it
	unmatched                 // no glob matches it any more: it was renamed
	unlinked                  // it has no name any more
)

// hold says whether a file is open, or should be.
type hold int

const (
	fresh  hold = iota // found, and not opened yet
	held               // open
	parked             // closed to save descriptors, read to its end
	wanted             // parked, and changed since
)

// arrival says when a file came, or was written anew.
type arrival int

const (
	early arrival = iota // it was there at the first look at all files
	late                 // after that: what it held then may be a copy of what this run has sent
)

// layout says how the records of a file are laid out.
type layout int

const (
	untold  layout = iota // too little was read to know
	objects               // JSON objects, whatever stands between them
	array                 // JSON objects, and the file begins as an array
	answer                // JSON objects, and the file begins as an answer of the audit API
	csvRows               // a CSV file
	noText                // nothing that can be read: the file is set aside
)

// ending says where a file that was read as far as possible ended.
type ending int

const (
	open     ending = iota // it may grow, or was not read so far
	packed                 // a compressed file, behind its last byte
	cutShort               // a compressed file that ended too early and may still grow
	finished               // it is not looked at again
)
