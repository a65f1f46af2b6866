# One root module: the smallest repository that tfops can keep in sync.
#
# It keeps a file on this host, with what is built into Terraform alone, so
# that it runs anywhere and downloads nothing. There is no backend block:
# tfops then keeps the state itself.

terraform {
  required_version = ">= 1.4"
}

variable "file" {
  description = "Absolute path of the file to keep."
  type        = string
}

variable "greeting" {
  description = "What the file says."
  type        = string
  default     = "Hello from Git."
}

locals {
  content = "${var.greeting}\n"
  intact  = fileexists(var.file) ? filesha256(var.file) == sha256(local.content) : false

  # A value that is not known before the apply makes Terraform plan a
  # replacement. It becomes the same text each time, so that a file that was
  # put right leaves nothing to do.
  repair = timestamp() == "" ? "" : "as written"
}

resource "terraform_data" "file" {
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
  description = "The file that is kept."
  value       = var.file
}
