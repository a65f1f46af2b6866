moved {
  from = terraform_data.old
  to   = terraform_data.new
}

moved {
  from = terraform_data.old_changed
  to   = terraform_data.new_changed
}

removed {
  from = terraform_data.forgotten
  lifecycle {
    destroy = false
  }
}

import {
  to = terraform_data.imported
  id = "the-id"
}

import {
  to = terraform_data.imported_changed
  id = "the-id-2"
}

resource "terraform_data" "imported" {}

resource "terraform_data" "imported_changed" {
  input = "q"
}

resource "terraform_data" "new" {
  input = "moved"
}

resource "terraform_data" "new_changed" {
  input = "moved and really changed"
}

resource "terraform_data" "up" {
  input = "2"
}

resource "terraform_data" "triggered" {
  input = "1"
  lifecycle {
    replace_triggered_by = [terraform_data.up]
  }
}

resource "terraform_data" "single" {
  count = 1
  input = "x"
}

resource "terraform_data" "many" {
  for_each = { "0" = 1, "b" = 2 }
  input    = "x"
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

data "terraform_remote_state" "later" {
  backend = "local"
  config = {
    path = terraform_data.up.output
  }
}

output "same" {
  value = "1"
}

output "later" {
  value = data.terraform_remote_state.later.outputs
}

check "fails" {
  assert {
    condition     = terraform_data.same.output == "y"
    error_message = "same is not y\nbut x"
  }
}

check "unknown" {
  assert {
    condition     = terraform_data.up.output == "y"
    error_message = "up is not y"
  }
}
