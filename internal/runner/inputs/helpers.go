package inputs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/credentials"
)

// AccessCommand is the command of tfops that Git starts during an init.
const AccessCommand = "module-access"

// Access is the whole of `tfops module-access credential|ssh FILE ...`, and returns the
// exit status. FILE is a file in memory of the runner that made it.
func Access(args []string) int {
	err := fmt.Errorf("this command is for the Git of an init that tfops started")
	if len(args) >= 2 {
		var k Known
		if k, err = readKnown(args[1]); err == nil {
			switch args[0] {
			case "credential":
				err = answer(k, args[2:], os.Stdin, os.Stdout)
			case "ssh":
				if nameless() {
					var status int
					if status, err = k.connect(args[2:]); err == nil {
						return status
					}
					break
				}
				err = startSSH(k, args[2:])
			default:
				err = fmt.Errorf("there is no helper %q", args[0])
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tfops:", err)
		return 1
	}
	return 0
}

func readKnown(path string) (k Known, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return k, err
	}
	return k, json.Unmarshal(b, &k)
}

// answer speaks Git's protocol for credentials: see git-credential(1). Where nothing is
// known it says nothing, and Git goes on as if it had not asked.
func answer(k Known, args []string, in io.Reader, out io.Writer) error {
	asked := map[string]string{}
	lines := bufio.NewScanner(in)
	for lines.Scan() && lines.Text() != "" {
		name, value, _ := strings.Cut(lines.Text(), "=")
		asked[name] = value
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(args) != 1 || args[0] != "get" { // nothing is stored, and nothing forgotten
		return nil
	}
	at := credentials.HostPath(asked["protocol"], "", asked["host"], asked["path"])
	c, ok := credentials.Best(k.HTTP, at)
	if !ok || c.Password == "" || asked["username"] != "" && asked["username"] != c.Username {
		return nil
	}
	_, err := fmt.Fprintf(out, "username=%s\npassword=%s\n", c.Username, c.Password)
	return err
}

// startSSH becomes the real ssh, with the key that counts for the repository.
func startSSH(k Known, args []string) error {
	real := lookPath("ssh", os.Getenv("PATH"))
	if real == "" {
		return fmt.Errorf("there is no ssh on PATH: install OpenSSH's client to fetch modules by ssh")
	}
	options := k.SshOptions(args)
	return unix.Exec(real, append(append([]string{"ssh"}, options...), args...), os.Environ())
}

// SshOptions are what ssh is told before all else; of an option given twice it takes the
// first.
func (k Known) SshOptions(args []string) []string {
	key, ok := k.chosen(args)
	if !ok && k.Home {
		return nil
	}
	hosts, system := quotedOption(k.Own), "/etc/ssh/ssh_known_hosts"
	if given := k.Hosts[k.label(key)]; ok && given != "" {
		hosts, system = given, os.DevNull
	}
	socket := key.Agent
	if !ok {
		socket = os.Getenv("SSH_AUTH_SOCK") // the configuration passes it on, or it is not there
	}
	if socket == "" {
		socket = "none"
	}
	options := []string{"-F", "none"}
	for _, o := range []string{
		"BatchMode=yes", "StrictHostKeyChecking=yes", "UpdateHostKeys=no", "CheckHostIP=no",
		"UserKnownHostsFile=" + hosts, "GlobalKnownHostsFile=" + system,
		"IdentityAgent=" + quotedOption(socket), "IdentityFile=none", "PreferredAuthentications=publickey",
		"ForwardAgent=no", "ControlMaster=no", "ControlPath=none", "ConnectTimeout=30",
	} {
		options = append(options, "-o", o)
	}
	return options
}

func quotedOption(path string) string {
	if strings.ContainsAny(path, " \t") {
		return `"` + path + `"`
	}
	return path
}

// chosen finds the key for what Git asks for: ssh [-4|-6] [-o OPTION] [-p PORT] [USER@]HOST COMMAND.
func (k Known) chosen(args []string) (none credentials.Credential, ok bool) {
	port, rest := "22", args
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		switch rest[0] {
		case "-p", "-o":
			if len(rest) < 2 {
				return none, false
			}
			if rest[0] == "-p" {
				port = rest[1]
			}
			rest = rest[1:]
		}
		rest = rest[1:]
	}
	if len(rest) < 2 {
		return none, false
	}
	user, host, found := strings.Cut(rest[0], "@")
	if !found {
		user, host = "", rest[0]
	}
	path, ok := askedPath(strings.Join(rest[1:], " "))
	if !ok {
		return none, false
	}
	at := credentials.HostPath("ssh", user, strings.Trim(host, "[]"), path)
	at.Port = port
	return credentials.Best(k.SSH, at)
}

// askedPath is the repository in `git-upload-pack '/path'`. What a path beginning with ~
// means, only the host knows.
func askedPath(command string) (string, bool) {
	_, arg, ok := strings.Cut(command, " ")
	path := strings.NewReplacer(`'\''`, "'", `'\!'`, "!", "'", "").Replace(arg)
	if !ok || strings.HasPrefix(path, "~") || strings.HasPrefix(path, "/~") {
		return "", false
	}
	return filepath.ToSlash(path), true
}
