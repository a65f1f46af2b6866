# tfops.hcl for a repository with one directory per environment: dev applies
# by itself, staging asks for anybody's yes, prod for somebody of the platform
# group who did not write the commit, and for two of them where something goes.

data_dir = "/var/lib/tfops"

# The Unix group of those who approve. Approvals of the user that runs tfops
# serve do not count under a rule.
server {
  socket_group = "tfops"
}

repository "services" {
  url = "https://git.example.com/acme/services.git"
}

user "ana" { emails = ["ana@example.com"] }
user "kim" { emails = ["kim@example.com"] }
user "li" { emails = ["li@example.com"] }

group "platform" { members = ["ana", "kim", "li"] }

defaults {
  repository = "services"
  branch     = "main"
}

workspace "dev" {
  dir   = "dev"
  apply = "auto"
}

workspace "staging" {
  dir   = "staging"
  apply = "manual"
}

workspace "prod" {
  dir   = "prod"
  apply = "manual"

  approval "four-eyes" {
    from = ["group:platform"]
  }

  approval "removal" {
    when    = plan.delete > 0 || plan.replace > 0
    require = 2
    from    = ["group:platform"]
    expire  = "4h"
  }

  drift {
    schedule = "0 2 * * *"
    timezone = "Europe/Paris"
  }
}
