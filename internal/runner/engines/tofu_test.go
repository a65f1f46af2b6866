package engines_test

import (
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/testrig"
)

func TestTofuOnPath(t *testing.T) {
	req := request(t, nil)
	req.Name = "tofu"
	if path, ok := testrig.Tofu(t); ok {
		req.Path = path
		missing(t, withConstraint(req, ">= 99"), fault.Invalid, path)
		req.Path = ""
	}
	// How the real one answers `version -json` and, without it, `version`.
	for _, text := range []string{
		"#!/bin/sh\nprintf '{\\n  \"terraform_version\": \"1.12.6\",\\n  \"platform\": \"linux_amd64\"\\n}\\n'\n",
		"#!/bin/sh\nprintf 'OpenTofu v1.12.6\\non linux_amd64\\n'\n",
	} {
		req.SearchPath = script(t, "tofu", []byte(text))
		if e := found(t, withConstraint(req, "~> 1.12"), "1.12.6"); e.Path != filepath.Join(req.SearchPath, "tofu") {
			t.Errorf("found %+v", e)
		}
	}
}

func TestTofuCannotBeInstalledWithoutAMirror(t *testing.T) {
	req := request(t, nil, "~> 1.12")
	req.Name = "tofu"
	req.SearchPath = script(t, "terraform", testrig.VersionScript("1.12.0"))
	missing(t, req, fault.NotFound, `no tofu that satisfies "~> 1.12"`, "on PATH: none in 1 directories", "hc-install", "release_url")

	r := testrig.NewReleases(t)
	publish(t, r, "tofu", "1.11.9", "1.12.6")
	req.ReleaseURL = r.URL
	missing(t, req, fault.Invalid, "without a key")
	req.PublicKey = r.Key
	found(t, req, "1.12.6")
}
