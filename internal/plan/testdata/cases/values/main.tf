# Every shape of value, before (v = 1) and after (v = 2) a change.

variable "v" {
  type    = number
  default = 1
}

locals {
  first = var.v == 1
}

resource "terraform_data" "list" {
  input = local.first ? ["a", "b", "c", "d", "e", "f", "g"] : ["a", "b", "X", "c", "d", "e", "g", "h"]
}

resource "terraform_data" "longlist" {
  input = [for i in range(30) : i == 15 ? "v${var.v}" : "e${i}"]
}

resource "terraform_data" "objects" {
  input = local.first ? [{ n = "a", p = 1 }, { n = "b", p = 2 }, { n = "c", p = 3 }] : [{ n = "a", p = 1 }, { n = "b", p = 20 }, { n = "c", p = 3 }, { n = "d", p = 4 }]
}

resource "terraform_data" "nulls" {
  input = jsondecode(local.first ? jsonencode({ a = null, b = "x", c = [null, 1], "d e" = { f = 1 }, g = {}, h = [], i = 3 }) : jsonencode({ a = null, b = null, c = [null, 2, null], "d e" = { f = 2 }, g = {}, h = [], j = 3 }))
}

resource "terraform_data" "json" {
  input = jsonencode(local.first ? { a = 1, b = [1, 2, 3], c = { d = null, e = "x" }, same = 1 } : { a = 2, b = [1, 2, 3, 4], c = { d = null, e = "y", f = null }, same = 1 })
}

resource "terraform_data" "json_spaces" {
  input = local.first ? "[1,2,3]" : "[1, 2, 3]"
}

resource "terraform_data" "json_to_text" {
  input = local.first ? "[1,2,3]" : "plain"
}

resource "terraform_data" "text" {
  input = local.first ? "line1\nline2\nline3\nline4\n" : "line1\nline2 changed\nline3\nline4\nline5\n"
}

resource "terraform_data" "text_grows" {
  input = local.first ? "one" : "two\nlines\n"
}

resource "terraform_data" "text_end" {
  input = local.first ? "two\nlines" : "two\nlines\n"
}

resource "terraform_data" "number_to_object" {
  input = jsondecode(local.first ? "1" : "{\"a\":[1,{\"b\":2}]}")
}

resource "terraform_data" "list_to_object" {
  input = jsondecode(local.first ? "[1,2]" : "{\"a\":[1,{\"b\":2}]}")
}

resource "terraform_data" "list_to_text" {
  input = jsondecode(local.first ? "[1,2]" : "\"x\"")
}

resource "terraform_data" "map" {
  input = local.first ? tomap({ a = "1", "b c" = "2" }) : tomap({ a = "1", "b c" = "3", z = "4" })
}

resource "terraform_data" "number" {
  input = local.first ? 1.5 : 100000000000000000000000
}

resource "terraform_data" "bool" {
  input = local.first
}

resource "terraform_data" "quotes" {
  input = "q\"uo\\te $${x} %%{y} tab\t é \u202e \u001b[31m <b>&amp;"
}

resource "terraform_data" "nested" {
  input = { a = { b = { c = var.v, d = 1 }, e = 2 }, f = [[1, 2], [3, var.v]] }
}

resource "terraform_data" "again" {
  input            = "k"
  triggers_replace = { a = var.v, b = ["x", var.v], c = "same" }
}

resource "terraform_data" "first_new" {
  triggers_replace = [var.v]
  lifecycle {
    create_before_destroy = true
  }
}

resource "terraform_data" "unknown" {
  input = ["a", terraform_data.again.id, { x = terraform_data.again.id, y = "z" }]
}

resource "terraform_data" "count" {
  count = local.first ? 2 : 1
  input = "c${count.index}"
}

resource "terraform_data" "each" {
  for_each = local.first ? toset(["a b", "c\"d"]) : toset(["a b"])
  input    = each.key
}

resource "terraform_data" "empty" {}

output "number" {
  value = var.v
}

output "object" {
  value = { a = var.v, b = [1, 2, 3], c = "same" }
}

output "unknown" {
  value = terraform_data.again.id
}

output "text" {
  value = "a\nb${var.v}\nc"
}
