repository "infra" {
  url = "ssh://git@git.example.com/infra.git"
}

user "ana" { emails = ["ana@example.com", "not an email"] }
user "li" { emails = ["ANA@example.com"] }
user "a b" {}

group "platform" { members = ["ana", "lee", "group:ops"] }
group "ops" {}
group "ops" { members = ["li"] }

workspace "w" {
  repository = "infre"
  approval "destructive" {
    from = ["group:platfrom", "user:anna", "li", "team:x", "group:"]
  }
  approval "destructive" {
  }
}

workspace "v" {
}

workspace "u" {
  repository = null
}

repository "n" {
  url = null
}

group "n" { members = null }
