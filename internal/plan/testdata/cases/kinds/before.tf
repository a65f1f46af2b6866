resource "terraform_data" "old" {
  input = "moved"
}

resource "terraform_data" "old_changed" {
  input = "moved and changed"
}

resource "terraform_data" "gone" {
  input = "not in configuration"
}

resource "terraform_data" "forgotten" {
  input = "forget me"
}

resource "terraform_data" "up" {
  input = "1"
}

resource "terraform_data" "triggered" {
  input = "1"
  lifecycle {
    replace_triggered_by = [terraform_data.up]
  }
}

resource "terraform_data" "single" {
  input = "x"
}

resource "terraform_data" "many" {
  count = 2
  input = "x"
}

resource "terraform_data" "tainted" {
  input = "x"
}

resource "terraform_data" "requested" {
  input = "x"
}

resource "terraform_data" "same" {
  input = "x"
}

module "m" {
  source = "./m"
}

output "same" {
  value = "1"
}

output "gone" {
  value = "1"
}
