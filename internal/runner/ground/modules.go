package ground

// Lent is what of the modules from elsewhere need not be fetched.
type Lent struct {
	Packages map[string]string // digest, by key of the call, which names the package's directory
	Entries  []ManifestEntry
	Missing  []ModuleCall
	Unknown  bool // a package calls something whose source is not plain text
}

// Complete reports whether nothing has to be fetched.
func (l Lent) Complete() bool { return len(l.Missing) == 0 && !l.Unknown }

// MaxModules bounds how many calls of modules are followed: packages can call each other
// without end.
const MaxModules = 10_000

// Under are the calls of a fetched module, with their keys below its own.
func (f Fetched) Under(key string) []ModuleCall {
	calls := make([]ModuleCall, len(f.Calls))
	for i, c := range f.Calls {
		calls[i] = ModuleCall{Key: key + "." + c.Key, Source: c.Source, Version: c.Version}
	}
	return calls
}
