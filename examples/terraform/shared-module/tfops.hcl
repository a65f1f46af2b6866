# tfops.hcl for a repository whose environments share a local module. A commit
# to modules/page plans both; a commit to live/prod plans prod alone.

data_dir = "/var/lib/tfops"

repository "pages" {
  url  = "https://git.example.com/acme/pages.git"
  poll = "30s"
}

defaults {
  repository = "pages"
  branch     = "main"
  variables  = { directory = "/srv/pages" }
  write      = ["/srv/pages"] # or the engine, which is shut in, could not
  drift { schedule = "0 2 * * *" }
}

workspace "staging" {
  dir   = "live/staging"
  apply = "auto"
}

workspace "prod" {
  dir    = "live/prod"
  apply  = "manual"
  labels = { tier = "prod" }
}
