package mounts

import (
	"slices"
	"strings"
	"testing"
)

// What is hidden is found wherever the list of mounts tells that it is seen.
func TestElsewhere(t *testing.T) {
	const kernel = `22 27 0:21 / /proc rw - proc proc rw
23 27 0:22 / /sys rw - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup rw
24 27 0:6 / /dev rw - devtmpfs devtmpfs rw
`
	const ext4 = kernel + "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
	for name, c := range map[string]struct{ text, hidden, want string }{
		"nothing else": {ext4, "/var/lib/tfops /home/a", ""},
		"a second mount of it": {ext4 + "40 27 254:0 /var/lib/tfops /srv/x rw - ext4 /dev/vda rw\n",
			"/var/lib/tfops", "/srv/x"},
		"of what holds it": {ext4 + "40 27 254:0 /var /srv/x rw shared:1 master:2 - ext4 /dev/vda rw\n",
			"/var/lib/tfops", "/srv/x/lib/tfops"},
		"of all": {ext4 + "40 27 254:0 / /mnt/root ro - ext4 /dev/vda rw\n", "/var/lib/tfops /home/a",
			"/mnt/root/home/a /mnt/root/var/lib/tfops"},
		"of a part, a file": {ext4 + "40 27 254:0 /var/lib/tfops/key /srv/key rw - ext4 /dev/vda rw\n",
			"/var/lib/tfops", "/srv/key"},
		"of a name that begins like it": {ext4 + "40 27 254:0 /var/lib/tfops2 /srv/x rw - ext4 /dev/vda rw\n",
			"/var/lib/tfops", ""},
		"odd characters": {ext4 + `40 27 254:0 /a\040b\134c /srv/x\011y rw - ext4 /dev/vda rw` + "\n", `/a b\c`,
			"/srv/x\ty"},
		"a file system of its own, twice": {ext4 + "40 27 8:1 / /var/lib/tfops rw - xfs /dev/sda rw\n" +
			"41 27 8:1 / /mnt/disk rw - xfs /dev/sda rw\n42 27 8:2 / /mnt/other rw - xfs /dev/sdb rw\n",
			"/var/lib/tfops/runs", "/mnt/disk/runs"},
		"it is a second mount itself": {ext4 + "40 27 254:0 /srv/data /var/lib/tfops rw - ext4 /dev/vda rw\n",
			"/var/lib/tfops", "/srv/data"},
		"what was covered does not count": {ext4 + "40 27 8:1 / /data rw - xfs /dev/sda rw\n" +
			"41 27 8:2 / /data rw - xfs /dev/sdb rw\n42 27 8:1 / /mnt/old rw - xfs /dev/sda rw\n" +
			"43 27 8:2 / /mnt/new rw - xfs /dev/sdb rw\n", "/data/x", "/mnt/new/x"},
		"btrfs": {kernel + "27 1 0:30 /@ / rw - btrfs /dev/vda rw\n28 27 0:30 /@home /home rw - btrfs /dev/vda rw\n" +
			"29 27 0:30 / /mnt/top rw - btrfs /dev/vda rw\n", "/home/a /var/lib/tfops",
			"/mnt/top/@/var/lib/tfops /mnt/top/@home/a"},
		"an overlay": {ext4 + `40 27 0:50 / /merged rw - overlay o rw,lowerdir=/x:/var/lib,upperdir=/var/lib/tfops/up,` +
			"workdir=/w\n", "/var/lib/tfops", "/merged /merged/tfops"},
		"an overlay of all, and one of a part": {ext4 + "40 27 0:50 / /m rw - overlay o rw,lowerdir=/x:/\n" +
			"41 27 0:51 / /n rw - overlay o rw,lowerdir+=/srv,lowerdir+=/home/a/b\n", "/home/a", "/m/home/a /n"},
		"the kernel elsewhere": {ext4 + "40 27 0:21 / /chroot/proc rw - proc proc rw\n" +
			"41 27 0:22 / /chroot/sys rw - sysfs sysfs rw\n42 31 0:60 / /sys/fs/cgroup/unified rw - cgroup2 c rw\n" +
			"43 27 0:60 / /cg rw - cgroup2 c rw\n44 23 0:7 / /sys/kernel/debug rw - debugfs d rw\n" +
			"45 22 0:70 / /proc/sys/fs/binfmt_misc rw - binfmt_misc b rw\n46 24 0:71 / /dev/mqueue rw - mqueue m rw\n",
			"", "/cg /chroot/proc /chroot/sys /sys/kernel/debug"},
	} {
		all, err := parseMounts(strings.NewReader(c.text))
		if err != nil {
			t.Fatal(err)
		}
		hidden := strings.Fields(c.hidden)
		if name == "odd characters" {
			hidden = []string{c.hidden}
		}
		want := strings.Split(c.want, " ")
		if c.want == "" {
			want = nil
		}
		if got := elsewhere(all, hidden); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Sockets are found by their paths, whatever these hold.
func TestParseSockets(t *testing.T) {
	got, err := parseSockets(strings.NewReader(`Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 25031 /srv/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01  9031 /srv/a b.sock
00000000abcd0000: 00000003 00000000 00000000 0001 03 25032
0000000000000000: 00000002 00000000 00010000 0001 01 25033 @abstract
0000000000000000: 00000002 00000000 00010000 0005 01 25034 relative/x
0000000000000000: 00000002 00000000 00010000 0001 01   934 /run/x
`))
	if err != nil || !slices.Equal(got, []string{"/run/x", "/srv/a b.sock"}) {
		t.Errorf("%q, %v", got, err)
	}
}
