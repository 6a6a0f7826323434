package unwrap

import (
	"bytes"
	"regexp"
	"strconv"
	"time"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// part is a line without its wrap: a whole line of the inner text, or a part of one
// that was split.
type part struct {
	text []byte
	// more says that the next part of the same group continues this one.
	more  bool
	group string // of what lines may be split and mixed: the stream

	time, stream, host string
}

// readLine takes the wrap from a line, and is false where it has none.
func readLine(k Kind, s *jsonscan.Scanner, line []byte, p *part) bool {
	*p = part{text: p.text[:0]}
	switch k {
	case Docker:
		return readDocker(s, line, p)
	case CRI:
		return readCRI(line, p)
	case Syslog:
		return readSyslog(line, p)
	case Journald:
		return readJournald(s, line, p)
	case Prefix:
		return readPrefix(s, line, p)
	}
	return false
}

// members calls f for each member of the object that line is, with the kind of its
// value and the value's text, until f is false. It reports whether line is a whole
// object.
func members(s *jsonscan.Scanner, line []byte, f func(key []byte, k jsonscan.Kind, value []byte) bool) bool {
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	s.Reset(line)
	if s.Next() != jsonscan.BeginObject {
		return false
	}
	for {
		switch k := s.Next(); k {
		case jsonscan.EndObject:
			return s.Next() == jsonscan.EOF
		case jsonscan.Key:
			key := s.Bytes()[1 : len(s.Bytes())-1]
			k := s.Next()
			start := s.Start()
			if !s.Skip(k) || !f(key, k, line[start:s.End()]) {
				return false
			}
		default:
			return false
		}
	}
}

// readDocker reads a line of Docker's json-file. Other members than its own and those
// that collectors add say that it is something else.
func readDocker(s *jsonscan.Scanner, line []byte, p *part) bool {
	logged := false
	whole := members(s, line, func(key []byte, k jsonscan.Kind, value []byte) bool {
		switch string(key) {
		case "log":
			logged = k == jsonscan.String
			if logged {
				p.text = jsonscan.AppendUnquoted(p.text[:0], value)
			}
			return logged
		case "time":
			p.time = text(k, value)
		case "stream":
			p.stream = text(k, value)
		case "attrs", "kubernetes", "docker", "tag", "container_id", "container_name":
		default:
			return false
		}
		return true
	})
	if !whole || !logged {
		return false
	}
	p.group = p.stream
	p.text, p.more = cutNewline(p.text)
	return true
}

// cutNewline takes the line feed from a text; more says that there was none.
func cutNewline(text []byte) (line []byte, more bool) {
	line, ended := bytes.CutSuffix(text, []byte{'\n'})
	return line, !ended
}

// text is what a string says; "" for anything else or a long one.
func text(k jsonscan.Kind, value []byte) string {
	if k != jsonscan.String || len(value) > longestName {
		return ""
	}
	return string(jsonscan.AppendUnquoted(nil, value))
}

// longestName bounds what a wrap may say: a time, a stream, a host.
const longestName = 256

// readCRI reads a line of a container's log in Kubernetes, of containerd, CRI-O and
// Podman: time, stream, tags, text.
func readCRI(line []byte, p *part) bool {
	at, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok || len(at) < len("2006-01-02T15:04:05Z") || len(at) > len(time.RFC3339Nano)+6 || at[4] != '-' || at[10] != 'T' {
		return false
	}
	stream, rest, ok := bytes.Cut(rest, []byte{' '})
	if !ok || string(stream) != "stdout" && string(stream) != "stderr" {
		return false
	}
	tags, text, _ := bytes.Cut(rest, []byte{' '})
	tag, _, _ := bytes.Cut(tags, []byte{':'})
	if string(tag) != "F" && string(tag) != "P" {
		return false
	}
	p.text, p.more = append(p.text[:0], text...), string(tag) == "P"
	p.time, p.stream, p.group = string(at), string(stream), string(stream)
	return true
}

// readJournald reads an entry of the systemd journal as journalctl -o json writes it.
// A message that is not UTF-8, or holds control characters, is a list of its bytes.
func readJournald(s *jsonscan.Scanner, line []byte, p *part) bool {
	found, partial, last, ours := false, false, false, false
	whole := members(s, line, func(key []byte, k jsonscan.Kind, value []byte) bool {
		ours = ours || isJournalKey(key)
		switch string(key) {
		case "MESSAGE":
			found = readMessage(k, value, p)
			return found
		case "__REALTIME_TIMESTAMP":
			p.time = text(k, value)
		case "_SOURCE_REALTIME_TIMESTAMP":
			if t := text(k, value); t != "" {
				p.time = t
			}
		case "_HOSTNAME":
			p.host = text(k, value)
		case "CONTAINER_PARTIAL_MESSAGE":
			partial = text(k, value) == "true"
		case "CONTAINER_PARTIAL_LAST":
			last = text(k, value) == "true"
		case "CONTAINER_PARTIAL_ID", "CONTAINER_ID_FULL":
			if id := text(k, value); string(key) == "CONTAINER_PARTIAL_ID" || p.group == "" {
				p.group = id
			}
		}
		return true
	})
	p.more = partial && !last
	return whole && found && ours
}

func readMessage(k jsonscan.Kind, value []byte, p *part) bool {
	switch k {
	case jsonscan.String:
		p.text = jsonscan.AppendUnquoted(p.text[:0], value)
		return true
	case jsonscan.BeginArray:
		p.text = p.text[:0]
		for number := range bytes.SplitSeq(value[1:len(value)-1], []byte{','}) {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 8)
			if err != nil {
				return false
			}
			p.text = append(p.text, byte(n))
		}
		return true
	}
	return false
}

// readPrefix takes from a line what stands before its record, and its colours.
func readPrefix(s *jsonscan.Scanner, line []byte, p *part) bool {
	coloured := hasColours(line)
	if coloured {
		line = colours.ReplaceAll(line, nil)
	}
	n := standsBefore(s, line)
	if n > 0 {
		p.time = timeIn(line[:n])
	} else {
		n = len(numbered.Find(line))
	}
	p.text = append(p.text[:0], line[n:]...)
	return coloured || n > 0
}

var stamp = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})`)

// timeIn is the time in a prefix, if there is exactly one that names its zone.
func timeIn(prefix []byte) string {
	found := stamp.FindAll(prefix, 2)
	if len(found) != 1 {
		return ""
	}
	return string(found[0])
}
