// Package names reads the names of members, headers, parameters and columns: it
// takes them apart into words, finds the entries of key: lists among the words,
// and says what role a name has for its neighbours: {"name": K, "value": V}.
//
// Words are compared whole, so that monkey and tokenizer are no keys and
// tokens, and what makes a name one of something about a secret (token_name)
// takes its sense away. The package knows nothing of paths and values, and
// starts no goroutines.
package names
