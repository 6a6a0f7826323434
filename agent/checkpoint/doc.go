// Package checkpoint keeps the agent's state directory: the lock that makes one
// agent its only owner, the key for ids, and the saved positions.
//
// Positions stand in one append-only text log, positions.log: a line for every
// change, each with its own checksum, synced before Save returns. A line that
// was cut or damaged is skipped, which can only bring an older position of its
// stream back: records are then read again and found to be duplicates, never
// skipped. When the log has grown well beyond what is live it is written anew
// beside itself and renamed, file and directory synced.
//
// The lock file also says whether its last owner ended with requests under way, so
// that the next one gives them time before it looks for what they did.
//
// It does not know what a position means (its source does), and holds nothing of
// a record but keyed hashes. It starts no goroutine; a Store may be used by
// several. All files are made with mode 0600, the directory with 0700.
package checkpoint
