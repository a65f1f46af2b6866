data_dir = env("TFOPS_TEST_SECRET")

repository "a" {
  url = "https://${env("TFOPS_TEST_SECRET")}/x.git"
}

repository "b" {
  url = "https://user:${env("TFOPS_TEST_SECRET")}@git.example.com/${env("TFOPS_TEST_SECRET")}.git"
}

repository "c" {
  url = "https://user:${env("TFOPS_TEST_SECRET")}@git.example.com/x.git"
  auth {
    password = file("no/such/file")
  }
}

repository "d" {
  url = "https://git.example.com/x.git"
  auth {
    username    = env("TFOPS_TEST_MISSING")
    password    = tonumber(env("TFOPS_TEST_SECRET"))
    known_hosts = env("TFOPS_TEST_SECRET")
    ssh_key     = file("../testdata")
  }
}

workspace "w" {
  repository          = "a"
  branch              = lower(env("TFOPS_TEST_SECRET"))
  dir                 = join("/", ["live", env("TFOPS_TEST_SECRET")])
  terraform_workspace = try(jsondecode(env("TFOPS_TEST_SECRET")), env("TFOPS_TEST_SECRET"))
  labels              = { a = env("TFOPS_TEST_SECRET"), b = "fine" }
  var_files           = ["${env("TFOPS_TEST_SECRET")}.tfvars"]
  env                 = { A = file(env("TFOPS_TEST_SECRET")), B = envv("X"), C = env("A", "B", "C") }
  variables           = { a = jsondecode(env("TFOPS_TEST_SECRET")) }
  keep_runs           = length(env("TFOPS_TEST_SECRET"))

  approval "x" {
    when = commit.author == env("TFOPS_TEST_SECRET")
  }
}
