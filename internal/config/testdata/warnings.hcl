repository "plain" {
  url = "http://tfops:hunter2@git.example.com/a.git"
  auth {
    known_hosts = "# none"
  }
}

repository "gone" {
  url = "no/such/repository"
  auth {
    password = "hunter2"
  }
}

repository "http" {
  url = "http://git.example.com/a.git"
  auth {
    username = "tfops"
    password = env("TFOPS_TEST_SECRET")
  }
}

engine "tofu" {
  path        = "/usr/bin/tofu"
  release_url = "https://example.com"
}

user "ana" { emails = ["ana@example.com"] }
group "platform" { members = ["ana"] }

workspace "a" {
  repository = "plain"
  apply      = "never"
  approval "x" {
    require = 2
    from    = ["group:platform", "user:ana", "ana"]
  }
}

workspace "b" {
  repository = "plain"
  dir        = "./"
  drift {
    timezone = "Europe/Paris"
  }
}
