data_dir = ""

server {
  socket_group = "a group"
}

runner {
  concurrency = 0
  pass_env    = ["AWS_*", "*", "A-B", "TF_VAR_x", null, "TF_CLI_ARGS"]
  plan_grace  = "soon"
  apply_grace = "10ms"
  sandbox     = "filter"
}

engine "terraform" {
  version     = "newest"
  path        = ""
  release_url = "ftp://x"
  public_key  = "nothing"
}

repository "a" {
  url  = "ftp://example.com/x.git"
  poll = "500ms"
}

repository "b" {
  poll = 30
}

repository "c" {
  url = ["x"]
}

repository "d" {
  url = "https://example.com"
}

defaults {
  keep_runs    = -1
  keep_days    = 1.5
  plan_timeout = "1 day"
}

workspace "w" {
  repository          = "a"
  branch              = "refs/heads/main"
  dir                 = "/live"
  terraform_workspace = "feat/x y"
  engine              = "terrafom"
  apply               = "automatic"
  var_files           = "prod.tfvars"
  variables           = ["a"]
  env                 = { "1X" = "a", TF_VAR_region = "b", TF_DATA_DIR = "c", OBJECT = { a = 1 }, OK = 1 }
  labels              = { "a b" = "c", list = ["a"] }
  lock_timeout        = "-1s"
  keep_runs           = "many"

  drift {
    schedule = "61 * * * *"
    timezone = "Mars/Olympus"
  }

  approval "x" {
    require      = 1e9
    allow_author = "perhaps"
    from         = []
    expire       = "1s"
  }
}

workspace "v" {
  repository          = "a"
  branch              = "env/*"
  dir                 = "../outside"
  terraform_workspace = ""
  var_files           = ["../../x", "/etc/x", ""]
  variables           = { "a b" = 1 }
  apply               = manual
  labels              = { a = foo.bar }

  drift {
    schedule = "TZ=Europe/Paris"
  }
}

workspace "u" {
  repository = "a"
  dir        = "live/*"
  var_files  = ["../../x"]

  drift {
    schedule = "0 0 30 2 *"
  }
}
