// Package firstrun writes the first configuration: from a few answers a commented
// auditship.yml that check accepts.
//
// It asks nobody and contacts nobody; the command init does both, and tests each answer
// before it is written. It holds no second list of keys or defaults: what it writes is
// read by package config before it counts, and everything else keeps its default.
//
// It starts no goroutine.
package firstrun
