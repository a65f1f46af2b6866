notify "ops" {
  on  = ["applied"]
  url = "slack://Canary-Value-7f3a
}

notify "more" {
  url = <<-EOT
    slack://Canary-Value-7f3a/${
  EOT
  on = [
