package api

// Authors are who wrote what a plan applies: the authors, committers and co-authors of all
// commits since the applied one that touch the workspace.
type Authors struct {
	Since   string   `json:"since,omitempty" doc:"The applied commit; absent: nothing is applied, and all of the history counts"`
	Commits int      `json:"commits" doc:"How many commits touch the workspace"`
	People  []Author `json:"people"`
	Unknown string   `json:"unknown,omitempty" doc:"Why it is not known who they are; then no approval counts under a rule that keeps authors out"`
	Next    string   `json:"next,omitempty" doc:"What to do about that"`

	Verified   int                `json:"verified" doc:"How many of the commits have a signature that proves who made them"`
	Signers    []Signer           `json:"signers" doc:"Users whose keys signed commits: each is an author, whatever names the commits have"`
	Unverified []UnverifiedCommit `json:"unverified" doc:"The newest of the other commits, at most 8; of all where there are no keys there is none"`
	Exempt     int                `json:"exempt" doc:"How many of the commits need not be signed, being in the history of signed_since"`
}

// Signer is a user who signed commits.
type Signer struct {
	User    string `json:"user"`
	Commit  string `json:"commit" doc:"The newest that they signed"`
	Commits int    `json:"commits" doc:"How many"`
}

// UnverifiedCommit is a commit of which no signature proves who made it.
type UnverifiedCommit struct {
	Commit string `json:"commit"`
	Why    string `json:"why"`
	Next   string `json:"next" doc:"What to do about that"`
}

// Author is one of them. Names and emails are what was typed, unless they are verified.
type Author struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Commit  string `json:"commit" doc:"The newest that they have a part in"`
	Commits int    `json:"commits" doc:"How many"`

	Verified bool   `json:"verified" doc:"Each of their commits has a signature that proves that they made it"`
	Signer   string `json:"signer,omitempty" doc:"The user who signed the newest of their commits that is signed"`
}
