repository "infra" {
  url  = "https://git.example.com/a.git"
  poll = 
  auth { username = "tfops", password = "x" }
}

workspace "w" {
  repository = "other"
  branch     = "main
}

workspace "v" {
  dir = "../x"
