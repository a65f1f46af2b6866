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

workspace "b-heal" {
  repository = "plain"
  dir        = "heal"
  drift {
    heal_only     = ["changed"]
    heal_cooldown = "2h"
  }
}

workspace "c-heal" {
  repository = "plain"
  dir        = "heal-c"
  drift {
    heal = true
  }
}

workspace "d-heal" {
  repository = "plain"
  dir        = "heal-d"
  apply      = "never"
  drift {
    schedule = "@daily"
    heal     = true
  }
}

workspaces "live" {
  repository = "plain"
  dirs       = ["live/*"]
  name       = parts[1]
  drift {
    heal = true
  }
}

ignore "old" {
  address = "null_resource.a"
  reason  = "It was needed until the move."
  expires = "2020-02-29"
}

severity "all" {
  level = "low"
}

severity "iam" {
  type  = "aws_iam_*"
  level = "high"
}

notify "silent" {
  url = env("TFOPS_TEST_URL")
  on  = ["applied", "report", "config_invalid"]
  filter {
    workspaces = ["prod-*"]
  }
  template "errored" {
    text = "{{.Title}}"
  }
  template "report" {
    text = "{{.Report.ID}}"
  }
}

notify "written-out" {
  url    = "https://hooks.example.com/services/Canary-Value-7f3a-Canary-Value-7f3a"
  secret = "Canary-Value-7f3a"
  template "report" {
    text = "{{.Report.ID}}"
  }
  template "test" {
    text = "x"
  }
}

report "to-a-webhook" {
  schedule = "@daily"
  formats  = ["html", "csv"]
  to       = ["written-out", "silent"]
}

report "with-json" {
  schedule = "@daily"
  formats  = ["html", "json"]
  to       = ["written-out"]
}

notify "open" {
  url = "http://ana:${env("TFOPS_TEST_SECRET")}@hooks.example.com/"
}

notify "at-home" {
  url = "http://ana:${env("TFOPS_TEST_SECRET")}@127.0.0.1:9093/"
}

notify "without-a-password" {
  url = "http://alerts.example.com/tfops"
}
