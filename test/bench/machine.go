package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine is what the results depend on.
type machine struct {
	engine  string // path of terraform
	version string // its version
	tfops   string // version of tfops
	binary  int64  // size of tfops, in bytes
}

func thisMachine(ctx context.Context, tfops string) (machine, error) {
	var m machine
	var err error
	if m.engine, err = exec.LookPath("terraform"); err != nil {
		return m, fmt.Errorf("what is measured beside tfops is terraform, which has to be on PATH: %w", err)
	}
	cmd := exec.CommandContext(ctx, m.engine, "version", "-json")
	cmd.Env = engineEnv(os.DevNull)
	out, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("%s version: %w", m.engine, err)
	}
	var told struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return m, fmt.Errorf("%s version: %w", m.engine, err)
	}
	m.version = told.Version
	out, err = exec.CommandContext(ctx, tfops, "--version").Output()
	if err != nil {
		return m, fmt.Errorf("%s --version: %w", tfops, err)
	}
	m.tfops = strings.TrimSpace(strings.TrimPrefix(string(out), "tfops version "))
	info, err := os.Stat(tfops)
	if err != nil {
		return m, err
	}
	m.binary = info.Size()
	return m, nil
}

func (m machine) String() string {
	return fmt.Sprintf("%d cores, %s/%s, %s, Terraform %s, tfops %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		runtime.Version(), m.version, m.tfops)
}

// engineEnv is what the engine sees by hand; a runner gives it no more.
func engineEnv(cliConfig string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "CHECKPOINT_DISABLE=1",
		"TF_IN_AUTOMATION=1", "TF_INPUT=0",
		"TF_CLI_CONFIG_FILE=" + cliConfig}
}

// loadAverage is that of the last minute.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}
