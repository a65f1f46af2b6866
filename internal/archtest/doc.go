// Package archtest holds the test of the rules of the house: which package may
// import which, each with its reason. It has no code of its own.
package archtest
