# tfops.hcl for a repository with one root module. Change url to where you
# pushed this directory, then: tfops validate && tfops serve

data_dir = "/var/lib/tfops"

repository "hello" {
  url = "https://git.example.com/acme/hello.git"
}

workspace "hello" {
  repository = "hello"
  branch     = "main"
  dir        = "."
  variables  = { file = "/srv/hello/hello.txt" }
  write      = ["/srv/hello"] # or the engine, which is shut in, could not
}
