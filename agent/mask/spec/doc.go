// Package spec reads masking rules files: YAML into a [File], which says what
// the rules ask for, or into [Errors], which name everything that is wrong with
// the file at once, each with its place and the word that was probably meant.
//
// It compiles nothing and runs no rule; what belongs together across files,
// such as the key of an hmac action, is checked by who puts files together. It
// holds no key material and starts no goroutines.
package spec
