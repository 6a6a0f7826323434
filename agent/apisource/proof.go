package apisource

// pass is what one pass over the pages of a window saw.
type pass struct {
	total    int64 // of the last page, -1 for none
	changed  bool  // it was another one before
	distinct int   // different records
	repeated int   // records that stood on two pages
	news     int   // records that no pass before had seen
	ended    bool  // it went on until a page was empty
}

// proves reports whether the pass saw everything for certain: as many different
// records as the gateway counts, or more, up to an empty page.
func (p pass) proves() bool {
	if p.changed {
		return false
	}
	return p.total == int64(p.distinct) || p.clean() && p.total < int64(p.distinct)
}

// clean reports whether nothing moved between the pages, as far as it can be seen.
func (p pass) clean() bool { return p.ended && p.repeated == 0 }

// judgement is what becomes of a window after a pass.
type judgement byte

const (
	again    judgement = iota // another pass
	proven                    // everything was seen
	unproven                  // no pass brings more, but no proof either
	restless                  // too much moves; a narrower window may be quieter
)

// proof follows the passes over one window. Its zero value is ready for use.
type proof struct {
	passes int
	quiet  int // clean passes in a row that confirmed the ones before
	idle   int // passes in a row that brought nothing new
	total  int64
	moved  bool // the total changed between or within the passes
}

const (
	// confirmed is how many clean passes have to agree where the total does not
	// tell, doubted where it says that there is more.
	confirmed = 1
	doubted   = 2
	// exhausted is how many passes over an instant may bring neither news nor a
	// proof.
	exhausted = 8
)

func (f *proof) reset() { *f = proof{} }

// united reports whether all passes together saw everything, of which each saw a part:
// as many different records as the gateway counted in each of them.
func (f *proof) united(p pass, handed int64) bool { return !f.moved && handed == p.total }

// judge takes the next pass. narrower says that the window can be made so.
func (f *proof) judge(p pass, narrower bool) judgement {
	f.passes++
	f.moved = f.moved || p.changed || f.passes > 1 && p.total != f.total
	f.total = p.total
	if p.proves() {
		return proven
	}
	f.quiet++
	if !p.clean() || p.news > 0 || f.passes == 1 {
		f.quiet = 0
	}
	f.idle++
	if p.news > 0 {
		f.idle = 0
	}
	switch {
	case f.quiet >= confirmed && int64(p.distinct) >= p.total:
		return proven
	case f.quiet >= doubted:
		return unproven
	case narrower && f.quiet == 0 && f.passes%2 == 0:
		return restless
	case !narrower && f.idle >= exhausted:
		return unproven
	}
	return again
}
