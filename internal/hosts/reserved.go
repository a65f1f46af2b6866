package hosts

import "net/netip"

// reserved are addresses of machines that hold credentials for whoever asks, and of nobody in particular.
var reserved = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("::/128"), "this machine"},
	{netip.MustParsePrefix("::1/128"), "this machine"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address, such as that of a cloud's metadata"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "an address of a cloud's metadata"},
	{netip.MustParsePrefix("fd20:ce::/32"), "an address of a cloud's metadata"},
	{netip.MustParsePrefix("100.100.100.200/32"), "an address of a cloud's metadata"},
	{netip.MustParsePrefix("192.0.0.0/24"), "an address of a cloud's metadata"},
	{netip.MustParsePrefix("168.63.129.16/32"), "an address of a cloud's metadata"},
	{netip.MustParsePrefix("224.0.0.0/4"), "an address of many machines"},
	{netip.MustParsePrefix("240.0.0.0/4"), "an address of nobody"},
	{netip.MustParsePrefix("ff00::/8"), "an address of many machines"},
	{netip.MustParsePrefix("fec0::/10"), "an address of nobody"},
}

// embeds are addresses of IPv6 that stand for one of IPv4, and where that stands in them.
var embeds = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
}

// Reserved says what an address is that nothing reaches unless `hosts` names it; "" for any other. own
// are those of this machine.
func Reserved(a netip.Addr, own []netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "no address"
	}
	for _, r := range reserved {
		if r.prefix.Contains(a) {
			return r.what
		}
	}
	for _, o := range own {
		if o.Unmap().WithZone("") == a {
			return "this machine"
		}
	}
	if a.Is4() {
		return ""
	}
	for _, e := range embeds {
		if e.prefix.Contains(a) {
			b := a.As16()
			return Reserved(netip.AddrFrom4([4]byte(b[e.at:e.at+4])), own)
		}
	}
	return ""
}
