repository "infra" {
  url = "https://git.example.com/infra.git"
}

runner {
  drift_concurrency = 0
}

defaults {
  repository = "infra"
  drift {
    schedule      = "0 2 * * *"
    heal          = "yes"
    heal_only     = ["changed", "delete", "changed"]
    heal_cooldown = "30s"
    ignore        = "x"
  }
}

workspace "a" {
  drift {
    heal_only     = []
    heal_cooldown = "soon"
    severity "x" {}
  }
  ignore "x" {
    address = "a"
  }
}

ignore "everything" {
  reason = "x"
}

ignore "everything-else" {
  address    = "**"
  attributes = ["tags", "*"]
  workspace  = "*"
  class      = ["changed", "deleted", "conflict", "pre_applied", "state_only", "input", "pending_commit", "applied_elsewhere", "half_applied", "perpetual", "check_failed"]
  reason     = "x"
}

ignore "hides" {
  class  = ["unchecked"]
  reason = "x"
}

ignore "globs" {
  address    = "aws_instance.[web"
  attributes = ["tags[", "", "tags.*"]
  workspace  = "prod-["
  labels     = { tier = null }
  reason     = "x"
}

ignore "globs" {
  address = ""
  class   = "change"
  reason  = "  "
  expires = "tomorrow"
  owner   = ""
}

ignore "Globs" {
  addres    = "x"
  until     = "2027-01-01"
  class     = 3
  workspace = ["a"]
  expires   = 2027-01-31
}

ignore "dates" {
  class   = []
  reason  = env("TFOPS_TEST_SECRET")
  expires = "0001-01-01"
}

ignore {
  address = "x"
  reason  = null
}

severity "unknown" {
  type      = "aws_["
  attribute = "policy["
  action    = "destroy"
  class     = "unchekd"
  level     = "highest"
}

severity "unknown" {
  severity = "high"
  type     = ""
}
