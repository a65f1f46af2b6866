package inputs

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// OpenSSH starts for no user who has no name. An engine that runs as a user of its workspace is one, so Git's
// connections are made here then: with the same keys, and to hosts that are known in the same way.

// nameless reports whether this process's user has no name on this machine.
func nameless() bool {
	_, err := user.LookupId(strconv.Itoa(os.Getuid()))
	_, unknown := errors.AsType[user.UnknownUserIdError](err)
	return unknown
}

const connectTimeout = 30 * time.Second

// connect does what `ssh ARGS` would, and returns its exit status.
func (k Known) connect(args []string) (status int, err error) {
	d, ok := destinationOf(args)
	if !ok {
		return 0, fmt.Errorf("ssh %s, which Git asks for, cannot be understood", strings.Join(args, " "))
	}
	key, chosen := k.chosen(args)
	files := []string{k.Own, "/etc/ssh/ssh_known_hosts"}
	if given := k.Hosts[k.label(key)]; chosen && given != "" {
		files = []string{strings.Trim(given, `"`)}
	}
	socket := key.Agent
	if !chosen {
		socket = os.Getenv("SSH_AUTH_SOCK")
	}
	signers, err := k.signers(socket, chosen)
	if err != nil {
		return 0, err
	}
	config, err := hostKeys(d, files)
	if err != nil {
		return 0, err
	}
	config.User, config.Timeout = d.user, connectTimeout
	config.Auth = []ssh.AuthMethod{ssh.PublicKeys(signers...)}
	client, err := ssh.Dial(d.network, d.address(), config)
	if err != nil {
		return 0, inOtherWords(d, err)
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return 0, err
	}
	_ = session.Setenv("GIT_PROTOCOL", os.Getenv("GIT_PROTOCOL")) // most servers refuse; Git goes on without it
	session.Stdin, session.Stdout, session.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = session.Run(d.command)
	if exit, ok := errors.AsType[*ssh.ExitError](err); ok {
		return exit.ExitStatus(), nil
	}
	return 0, err
}

// inOtherWords says why a connection failed as OpenSSH does, whose words people know.
func inOtherWords(d destination, err error) error {
	if key, ok := errors.AsType[*knownhosts.KeyError](err); ok && len(key.Want) == 0 {
		return fmt.Errorf("no host key is known for %s and you have requested strict checking. "+
			"Host key verification failed", d.host)
	} else if ok {
		return fmt.Errorf("remote host identification has changed: %s has another host key than is known. "+
			"Host key verification failed", d.host)
	}
	if strings.Contains(err.Error(), "unable to authenticate") {
		return fmt.Errorf("%s@%s: Permission denied (publickey)", d.user, d.host)
	}
	return fmt.Errorf("ssh to %s: %w", d.address(), err)
}

// destination is what Git asks ssh for.
type destination struct{ network, user, host, port, command string }

func (d destination) address() string { return net.JoinHostPort(d.host, d.port) }

// destinationOf reads the arguments of ssh as Git gives them: [-4|-6] [-o OPTION] [-p PORT] [USER@]HOST COMMAND.
func destinationOf(args []string) (d destination, ok bool) {
	d = destination{network: "tcp", port: "22", user: "git"}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-4", "-6":
			d.network = "tcp" + args[0][1:]
		case "-p", "-o":
			if len(args) < 2 {
				return d, false
			}
			if args[0] == "-p" {
				d.port = args[1]
			}
			args = args[1:]
		default:
			return d, false
		}
		args = args[1:]
	}
	if len(args) < 2 {
		return d, false
	}
	d.host, d.command = args[0], strings.Join(args[1:], " ")
	if name, host, found := strings.Cut(args[0], "@"); found {
		d.user, d.host = name, host
	}
	d.host = strings.Trim(d.host, "[]")
	return d, d.host != ""
}

// signers are the keys of an agent; where the home directory counts, also those that lie there.
func (k Known) signers(socket string, chosen bool) (signers []ssh.Signer, err error) {
	if socket != "" {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return nil, fmt.Errorf("the ssh agent does not answer: %w", err)
		}
		if signers, err = agent.NewClient(conn).Signers(); err != nil {
			return nil, fmt.Errorf("the ssh agent does not answer: %w", err)
		}
	}
	if chosen || !k.Home {
		return signers, nil
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(k.Own), name))
		if err != nil {
			continue
		}
		if s, err := ssh.ParsePrivateKey(b); err == nil { // one with a passphrase is for an agent
			signers = append(signers, s)
		}
	}
	return signers, nil
}

// hostKeys has a host be accepted by what files of known hosts say of it.
func hostKeys(d destination, files []string) (*ssh.ClientConfig, error) {
	files = slices.DeleteFunc(files, func(path string) bool {
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrNotExist)
	})
	check, err := knownhosts.New(files...)
	if err != nil {
		return nil, err
	}
	// A server has keys of several kinds, and is asked for one that is known. A key that nobody has tells which are.
	var kinds []string
	wrong, known := errors.AsType[*knownhosts.KeyError](check(d.address(), &net.TCPAddr{}, noKey{}))
	if known {
		for _, key := range wrong.Want {
			if kind := key.Key.Type(); kind == ssh.KeyAlgoRSA {
				kinds = append(kinds, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			} else {
				kinds = append(kinds, kind)
			}
		}
	}
	return &ssh.ClientConfig{HostKeyCallback: check, HostKeyAlgorithms: kinds}, nil
}

// noKey is a key that nobody has.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("nobody has this key") }
