package pipeline

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"github.com/auditship/auditship/exporter/deadletter"
)

// maxKnown bounds the letters that are remembered; those after it may be written
// down once more.
const maxKnown = 1 << 20

// knownLetters are those that lay in the dead letter when a run began that may be
// one of several over the same files: they are not added again. It is not changed
// after it was made.
type knownLetters map[[sha256.Size]byte]struct{}

func readKnown(letters *deadletter.Reader) (known knownLetters, err error) {
	defer func() { err = errors.Join(err, letters.Err(), letters.Close()) }()
	known = knownLetters{}
	for len(known) < maxKnown && letters.Next() {
		known[letterKey(letters.Letter())] = struct{}{}
	}
	return known, nil
}

// news leaves the letters that are not known.
func (k knownLetters) news(letters []deadletter.Letter) []deadletter.Letter {
	if len(k) == 0 {
		return letters
	}
	var fresh []deadletter.Letter
	for _, l := range letters {
		if _, known := k[letterKey(l)]; !known {
			fresh = append(fresh, l)
		}
	}
	return fresh
}

// letterKey is the same for the same record that is rejected again. A document holds
// when it was made, and is known by its _id.
func letterKey(l deadletter.Letter) [sha256.Size]byte {
	l.Time, l.Document = time.Time{}, nil
	text, err := json.Marshal(l)
	if err == nil && json.Unmarshal(text, &l) == nil { // what is no UTF-8 comes back as it was written
		text, err = json.Marshal(l)
	}
	if err != nil {
		return [sha256.Size]byte{} // cannot happen to a letter without its document
	}
	return sha256.Sum256(text)
}
