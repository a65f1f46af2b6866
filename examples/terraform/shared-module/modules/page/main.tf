# A page: a file on this host with a title and a text. It stands for whatever
# your environments share: a network, a cluster, a set of DNS records.

variable "file" {
  description = "Absolute path of the page."
  type        = string
}

variable "title" {
  description = "First line of the page."
  type        = string
}

variable "text" {
  description = "The rest of the page."
  type        = string
}

locals {
  content = "${var.title}\n\n${var.text}\n"
  intact  = fileexists(var.file) ? filesha256(var.file) == sha256(local.content) : false

  # Not known before the apply, and then always the same: a page that somebody
  # changed by hand is planned for replacement, and one that was put right
  # leaves nothing to do.
  repair = timestamp() == "" ? "" : "as written"
}

resource "terraform_data" "page" {
  input            = { path = var.file }
  triggers_replace = [local.content, local.intact ? "as written" : local.repair]

  provisioner "local-exec" {
    command     = "printf '%s' \"$CONTENT\" > \"$FILE\""
    environment = { CONTENT = local.content, FILE = var.file }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = "rm -f \"$FILE\""
    environment = { FILE = self.input.path }
  }
}

output "file" {
  description = "The page."
  value       = terraform_data.page.output.path
}
