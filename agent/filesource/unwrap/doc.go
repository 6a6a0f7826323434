// Package unwrap takes from around records what containers and logs put there: the
// JSON of Docker's json-file and of the systemd journal, the columns of Kubernetes'
// container logs (CRI), the headers of syslog, and whatever else stands in front of
// a record on its line, as grep, cat -n, kubectl logs or a terminal's colours leave
// it. Lines that were split because they are long are joined again.
//
// Detect tells the wrap by the first lines of a file. A line that is not wrapped as
// the others are stays as it is: it may be a record, and if not, framing says so.
//
// A Text knows for each of its bytes in which line of the file it stood, and where
// in the file unwrapping can begin again to give the same text: before the first
// part of a line of which parts are missing. So a place in a file and a number of
// bytes behind it are all that has to be saved.
//
// A Text is memory that is used again, for one goroutine. The package reads nothing
// by itself, starts no goroutine and returns no errors.
package unwrap
