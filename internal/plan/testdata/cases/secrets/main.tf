# CANARY marks every value that must not be found in what is read.

variable "v" {
  type    = number
  default = 1
}

variable "password" {
  sensitive = true
  default   = "CANARY-default"
}

locals {
  secret = "${var.password}-${var.v}"
}

resource "terraform_data" "whole" {
  input = local.secret
}

resource "terraform_data" "deep" {
  input = { user = "u${var.v}", list = ["a", local.secret, { deeper = [local.secret] }], json = jsonencode({ p = local.secret }) }
}

resource "terraform_data" "marked" {
  input = var.v == 1 ? "CANARY-default" : var.password # the same value, now marked
}

resource "terraform_data" "unmarked" {
  input = var.v == 1 ? var.password : "CANARY-default2"
}

resource "terraform_data" "again" {
  triggers_replace = [local.secret]
}

resource "terraform_data" "failing" {
  input = "x"
  lifecycle {
    postcondition {
      condition     = self.input == "x"
      error_message = "never"
    }
  }
}

output "secret" {
  value     = local.secret
  sensitive = true
}

output "plain" {
  value = var.v
}
