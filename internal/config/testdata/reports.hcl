repository "infra" {
  url = "https://git.example.com/infra.git"
}

workspace "a" {
  repository = "infra"
}

notify "ops" {
  url = env("TFOPS_TEST_URL")
}

report "nightly" {
  schedule   = "0 6 * *"
  timezone   = "Europe/Pariss"
  formats    = ["html", "pdf", "html", "markdown"]
  to         = ["ops", "opps", "ops"]
  since      = "10s"
  workspaces = ["prod-["]
  labels     = { "a b" = "x" }
}

report "nightly" {
  formats = []
  to      = "ops"
  cron    = "0 6 * * *"
}

report "never" {
  schedule = ""
}

report "february" {
  schedule   = "0 6 30 2 *"
  since      = "a day"
  workspaces = []
}

report "zone" {
  schedule = "TZ=Asia/Tokyo 0 6 * * *"
  format   = "html"
}
