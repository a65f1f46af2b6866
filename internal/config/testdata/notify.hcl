notify "no-url" {
  on = ["awaiting_aproval", "applied", "applied", "nothing", "test"]
}

notify "no-url" {
  url = "https://"
}

notify "a b" {
  url    = "slack://Canary-Value-7f3a"
  secret = "Canary-Value-7f3a"
  style  = "body"
  on     = []
}

notify "kinds" {
  url    = "nosuch://token:${env("TFOPS_TEST_SECRET")}@host"
  events = ["applied"]
  filter {
    workspaces = ["prod-["]
    labels     = { tier = "[", team = null }
    severity   = "worst"
  }
  filter {}
  template "bogus" {
    title = "x"
  }
  template "applied" {
    title = "{{.Nothing}}"
    text  = "{{.Title"
  }
  template "applied" {
    text = env("TFOPS_TEST_SECRET")
  }
  template "any" {}
  template {
    body = "x"
  }
}

notify "empty" {
  url    = ""
  secret = env("TFOPS_TEST_NOTHING", "")
  style  = "boddy"
}

notify "types" {
  url    = ["slack://Canary-Value-7f3a"]
  secret = tonumber("Canary-Value-7f3a")
}

notify "bare" {
  url    = Canary
  secret = "Canary-Value-7f3a" + 1
}

notify "one-line" { url = "Canary-Value-7f3a" }
notify "One-Line" { url = "xoxb:Canary-Value-7f3a@C001" }

notify "function" {
  url    = jsondecode(env("TFOPS_TEST_SECRET"))
  secret = env("TFOPS_TEST_SECRET", "Canary-Value-7f3a", "Canary-Value-7f3a")
}

notify "panics" {
  url = "teams+s:!Canary-Value-7f3a"
}

notify "mail" {
  url   = "smtp://ana:Canary-Value-7f3a@mail.example.com:99999/?from=a@example.com&to=b@example.com"
  style = "attached"
  on    = env("TFOPS_TEST_SECRET")
}

notify "mail-host" {
  url = file("no/such/file")
  severity = "high"
}

notify "unknown" {
  url  = env("TFOPS_TEST_URL")
  to   = "slack://Canary-Value-7f3a"
  room = env("TFOPS_TEST_URL")
  when = ["applied"]
}

report "elsewhere" {
  schedule = "@daily"
  to       = ["https://hooks.example.com/Canary-Value-7f3a", "opps"]
  since    = "91d"
  place    = "https://hooks.example.com/Canary-Value-7f3a"
}

report "a-string" {
  schedule = "@daily"
  to       = "slack://Canary-Value-7f3a"
}
