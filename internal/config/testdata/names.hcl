data_dirr = "x"
server = "x"

serve {}

server {
  listen = "127.0.0.1:7474"
  sockt_group = "tfops"
}

server {
  socket_group = "other"
}

runner "x" {
  heal = true
}

engine {
  version = "1.11.4"
}

engine "terrafrom" {}

engine "tofu" "x" {}

repository "infra" {
  url  = "https://git.example.com/a.git"
  pol  = "30s"
  auth "x" {
    token = "x"
  }
}

repository "Infra" {
  url = "https://git.example.com/b.git"
}

repository "" {
  url = "https://git.example.com/b.git"
}

defaults {
  variables {
    a = 1
  }
}

workspace "a b" {
  repository = "infra"
  depends_on = ["c"]
  drift = "0 2 * * *"
  drift {
    checks   = 3
    schedual = "0 2 * * *"
  }
  aproval "x" {}
}

workspace "twice" {
  repository = "infra"
}

workspace "twice" {
  repository = "infra"
  dir        = "x"
  nonsense   = nosuch("x")
}

workspaces "live" {
  dirs = ["live/*"]
}
