package hosts

import (
	"net/netip"
	"strings"
	"testing"
)

func parsed(t testing.TB, texts ...string) List {
	t.Helper()
	l, err := ParseAll(texts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, host string
		port          int
		want          bool
	}{
		{"registry.terraform.io", "registry.terraform.io", 443, true},
		{"registry.terraform.io", "registry.terraform.io", 80, true},
		{"registry.terraform.io", "registry.terraform.io", 22, false},
		{"registry.terraform.io", "REGISTRY.Terraform.IO.", 443, true},
		{"Registry.Terraform.io.", "registry.terraform.io", 443, true},
		{"registry.terraform.io", "evil-registry.terraform.io", 443, false},
		{"registry.terraform.io", "registry.terraform.io.evil.com", 443, false},
		{"*.amazonaws.com", "s3.eu-west-1.amazonaws.com", 443, true},
		{"*.amazonaws.com", "amazonaws.com", 443, false},
		{"*.amazonaws.com", "evilamazonaws.com", 443, false},
		{"*.amazonaws.com", "amazonaws.com.evil.com", 443, false},
		{"*", "anything.example.com", 443, true},
		{"*", "anything.example.com", 8443, false},
		{"*:*", "anything.example.com", 8443, true},
		{"git.example.com:8443", "git.example.com", 8443, true},
		{"git.example.com:8443", "git.example.com", 443, false},
		{"bücher.example", "xn--bcher-kva.example", 443, true},
		{"10.0.0.5", "10.0.0.5", 443, true},
		{"10.0.0.5", "::ffff:10.0.0.5", 443, true},
		{"10.0.0.5:9000", "10.0.0.5", 9000, true},
		{"10.0.0.5", "10.0.0.6", 443, false},
		{"[2001:db8::1]:8443", "[2001:db8::1]", 8443, true},
		{"2001:db8::1", "[2001:0db8:0::1]", 443, true},
		{"*", "10.0.0.5", 443, false}, // an address is reached only if it is named
		{"localhost:8080", "127.0.0.1", 8080, true},
		{"localhost:8080", "::1", 8080, true},
		{"localhost:8080", "127.0.0.1", 8081, false},
		{"*.localhost", "127.0.0.1", 443, false},
	} {
		l := parsed(t, c.pattern)
		name, addr, err := Host(c.host)
		got := err == nil && (name != "" && l.AllowsName(name, c.port) || addr.IsValid() && l.Names(addr, c.port))
		if got != c.want {
			t.Errorf("%s of %s:%d is %v (%v)", c.pattern, c.host, c.port, got, err)
		}
	}
}

func TestNoPatterns(t *testing.T) {
	for _, text := range []string{"", "https://example.com", "example.com/path", "*example.com", "a.*.com",
		"ex ample.com",
		"example.com:0", "example.com:65536", "example.com:https", "example.com:080", "0x7f.1", "127.1", "2130706433",
		"1.2.3.4.5", "fe80::1%eth0", "[1.2.3.4]", "[::1", "[::1]x", "a..b", ".a", "-a.com", strings.Repeat("a", 64) +
			".com",
		strings.Repeat("a.", 127) + "a.com", "*.*.com", "**", "a@b", "user:pass@host", "a\x00b", "a%2eb"} {
		if p, err := Parse(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
}

// What clients call hosts, to be taken for others.
func TestNoHosts(t *testing.T) {
	for _, text := range []string{"", ".", "0x7f000001", "0177.0.0.1", "127.1", "1", "a b", "a\tb", "a/b", "a?b", "a#b",
		"a@169.254.169.254", "[::1%lo]", "::1%lo", "[127.0.0.1]", "exаmple.com", "a\nb", "%61.com"} {
		if name, addr, err := Host(text); err == nil {
			t.Errorf("%q is %q %s", text, name, addr)
		}
	}
}

func TestReserved(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")}
	for text, want := range map[string]bool{
		"169.254.169.254": true, "169.254.170.2": true, "fd00:ec2::254": true, "100.100.100.200": true,
		"168.63.129.16": true, "fd20:ce::254": true, "192.0.0.192": true,
		"127.0.0.1": true, "127.8.8.8": true, "::1": true, "0.0.0.0": true, "0.1.2.3": true, "::": true,
		"::ffff:127.0.0.1": true, "::ffff:169.254.169.254": true, "64:ff9b::a9fe:a9fe": true,
		"2002:a9fe:a9fe::1": true, "2002:7f00:1::": true, "::127.0.0.1": true, "::ffff:0:169.254.169.254": true,
		"fe80::1": true, "224.0.0.1": true, "ff02::1": true, "255.255.255.255": true,
		"203.0.113.7": true, "2001:db8::7": true, "2002:cb00:7107::": true,
		"10.0.0.1": false, "192.168.1.1": false, "8.8.8.8": false, "2001:db8::8": false, "64:ff9b::808:808": false,
	} {
		if got := Reserved(netip.MustParseAddr(text), own); (got != "") != want {
			t.Errorf("%s is %q", text, got)
		}
	}
}

// Whatever stands in a configuration or comes from a client: a host that is allowed has one form,
// is below a pattern, and no address is allowed by a name.
func FuzzHosts(f *testing.F) {
	for _, s := range []string{"*.example.com", "a.example.com", "127.1", "[::1]:80", "*:*", "xn--bcher-kva.example",
		"1.2.3.4"} {
		f.Add(s, s, 443)
	}
	f.Fuzz(func(t *testing.T, pattern, host string, port int) {
		p, err := Parse(pattern)
		if err != nil {
			return
		}
		name, addr, err := Host(host)
		if err != nil {
			return
		}
		l := List{p}
		if addr.IsValid() {
			if name != "" {
				t.Fatalf("%q is both %q and %s", host, name, addr)
			}
			if l.Names(addr, port) && p.addr != addr && !p.local() {
				t.Fatalf("%q allows %s", pattern, addr)
			}
			return
		}
		if again, err := Name(name); err != nil || again != name {
			t.Fatalf("%q has the forms %q and %q (%v)", host, name, again, err)
		}
		if !l.AllowsName(name, port) {
			return
		}
		if name != p.name && !(p.sub && strings.HasSuffix(name, p.name)) {
			t.Fatalf("%q allows %q", pattern, name)
		}
		if a, err := netip.ParseAddr(name); err == nil {
			t.Fatalf("%q allows %s by its name", pattern, a)
		}
	})
}
