package strictyaml

import "strings"

// Nearest finds the candidate that a misspelt word probably means, or "". Case,
// dashes, underscores, dots and spaces do not count; otherwise about one typing
// mistake in three characters is forgiven. The first of equally near candidates
// wins.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", 1+len(word)/3
	folded := Fold(word)
	if len(folded) > MaxWord {
		return ""
	}
	for _, c := range candidates {
		if d := Distance(folded, Fold(c)); d < bestDistance || d == 0 && best == "" {
			best, bestDistance = c, d
		}
	}
	return best
}

// MaxWord bounds the work of Nearest, in bytes: no name is this long.
const MaxWord = 64

var folder = strings.NewReplacer("-", "", "_", "", ".", "", " ", "")

// Fold drops what does not tell two names apart: case, dashes, underscores, dots
// and spaces.
func Fold(s string) string { return folder.Replace(strings.ToLower(s)) }

// Distance counts the insertions, deletions, replacements and swaps of
// neighbours between two words (optimal string alignment).
func Distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, row, next := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		next[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			next[j+1] = min(next[j]+1, row[j+1]+1, row[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(y)]
}
